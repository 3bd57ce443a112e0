/** Client certificates: signed by the client CA, in their validity, for client authentication. CN is the user, every O a group. */
import { createHash, X509Certificate } from 'node:crypto';
import type { Clock } from '../../apimachinery/clock.ts';
import type { UserInfo } from './user-info.ts';

export interface ClientCertificateAuthenticator {
  /** The user of a DER certificate. Throws CertificateError when it must not be believed; the message says why. */
  authenticate(der: Buffer): UserInfo;
}

export class CertificateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CertificateError';
  }
}

/** `caPem` may hold several certificates; each is a trusted signer. */
export function createClientCertificateAuthenticator(caPem: string, clock: Clock): ClientCertificateAuthenticator {
  const authorities = splitPem(caPem).map((pem) => new X509Certificate(pem));
  if (authorities.length === 0) throw new Error('the client CA file holds no certificate');
  /** A connection hands in the same bytes with every request. */
  const checked = new WeakMap<Buffer, Checked>();
  return {
    authenticate(der) {
      let result = checked.get(der);
      if (result === undefined) {
        result = check(der, authorities);
        checked.set(der, result);
      }
      if ('error' in result) throw new CertificateError(result.error);
      const now = clock.now();
      if (now < result.notBefore || now > result.notAfter)
        throw new CertificateError('x509: certificate has expired or is not yet valid');
      return result.user;
    },
  };
}

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyExtendedUsage = '2.5.29.37.0';

/** What stays true of a certificate; the clock is compared at each use. */
type Checked = { user: UserInfo; notBefore: number; notAfter: number } | { error: string };

function check(der: Buffer, authorities: readonly X509Certificate[]): Checked {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return { error: 'x509: malformed certificate' };
  }
  const issuer = authorities.find((ca) => ca.ca && certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  if (issuer === undefined) return { error: 'x509: certificate signed by unknown authority' };
  // A certificate without the extension may be used for anything (RFC 5280 §4.2.1.12).
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && usages.length > 0 && !usages.includes(clientAuth) && !usages.includes(anyExtendedUsage))
    return { error: 'x509: certificate specifies an incompatible key usage' };
  // The legacy form holds the decoded values of each attribute; the `subject` text would have to be unescaped.
  const subject = certificate.toLegacyObject().subject as unknown as Record<string, string | string[] | undefined>;
  const name = values(subject['CN'])[0];
  if (name === undefined || name === '') return { error: 'x509: subject with no common name' };
  return {
    user: {
      name,
      groups: values(subject['O']),
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${hex(der)}`] },
    },
    notBefore: Math.max(Date.parse(certificate.validFrom), Date.parse(issuer.validFrom)),
    notAfter: Math.min(Date.parse(certificate.validTo), Date.parse(issuer.validTo)),
  };
}

const values = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? [...value] : [value];

const hex = (der: Buffer): string => createHash('sha256').update(der).digest('hex');

function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
