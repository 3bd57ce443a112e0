/**
 * X.509 certificates with EC P-256 keys: authorities and the leaves they sign. The library is loaded at the first use (its
 * import takes 140 ms), so that executables that issue nothing do not pay for it.
 */
import { X509Certificate as ParsedCertificate, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

/** Both PEM; the key is PKCS #8. */
export interface KeyPair {
  cert: string;
  key: string;
}

export interface LeafOptions {
  commonName: string;
  /** Groups of a client certificate. */
  organizations?: readonly string[];
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  days: number;
  usages: readonly ('server' | 'client')[];
}

/** A self-signed authority. */
export async function createCertificateAuthority(options: { commonName: string; days: number }): Promise<KeyPair> {
  const x509 = await loadLibrary();
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName] }],
    ...validity(options.days),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: withLineEnd(certificate.toString('pem')), key: await keyToPem(keys.privateKey) };
}

/** A leaf with a key of its own, signed by `ca`. Names are taken as text, never as LDAP syntax. */
export async function issueCertificate(ca: KeyPair, options: LeafOptions): Promise<KeyPair> {
  const keys = await generateKeys();
  const cert = await sign(ca, keys.publicKey, options);
  return { cert, key: await keyToPem(keys.privateKey) };
}

/** True when the certificate (PEM) cannot be read or has less than `days` days left at `now` (ms). */
export function needsRenewal(cert: string, days: number, now = Date.now()): boolean {
  try {
    return Date.parse(new ParsedCertificate(cert).validTo) - now < days * dayMs;
  } catch {
    return true;
  }
}

const dayMs = 24 * 3600 * 1000;
/** Clocks of two machines differ: a new certificate is valid at once everywhere. */
const backdateMs = 5 * 60 * 1000;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

async function loadLibrary() {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as never);
  return x509;
}

async function sign(ca: KeyPair, publicKey: webcrypto.CryptoKey, options: LeafOptions): Promise<string> {
  const x509 = await loadLibrary();
  const authority = new x509.X509Certificate(ca.cert);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    pemToDer(ca.key),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  );
  const names = [
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ipAddresses ?? []).map((value) => {
      if (isIP(value) === 0) throw new Error(`${JSON.stringify(value)} is not an IP address`);
      return { type: 'ip' as const, value };
    }),
  ];
  const organizations = options.organizations ?? [];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...organizations.map((name) => ({ O: [name] })), { CN: [options.commonName] }],
    issuer: authority.subjectName,
    ...validity(options.days),
    signingAlgorithm,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(
        options.usages.map((usage) => x509.ExtendedKeyUsage[usage === 'server' ? 'serverAuth' : 'clientAuth']),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return withLineEnd(certificate.toString('pem'));
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
}

/** Positive and 16 bytes long (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + days * dayMs) };
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

function pemToDer(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}

const withLineEnd = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
