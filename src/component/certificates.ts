/**
 * X.509 certificates with EC P-256 keys: authorities and the leaves they sign. The library is loaded at the first use (its
 * import takes 140 ms), so that executables that issue nothing do not pay for it.
 */
import { createPrivateKey, X509Certificate as ParsedCertificate, randomBytes, webcrypto } from 'node:crypto';
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

/** What somebody asks a certificate for (PKCS #10). */
export interface CertificateRequest {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  ipAddresses: string[];
  emails: string[];
  uris: string[];
}

/** A new key and a request (PKCS #10) for a client certificate for it, both PEM. */
export async function createCertificateRequest(subject: {
  commonName: string;
  organizations: readonly string[];
}): Promise<{ request: string; key: string }> {
  const x509 = await loadLibrary();
  const keys = await generateKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [subject.commonName] }, { O: [...subject.organizations] }],
    keys,
    signingAlgorithm,
  });
  return { request: withLineEnd(request.toString('pem')), key: await keyToPem(keys.privateKey) };
}

/** Reads a request in PEM and checks that it is signed with its own key. Throws an Error that says why not. */
export async function parseCertificateRequest(pem: string): Promise<CertificateRequest> {
  const x509 = await loadLibrary();
  const request = new x509.Pkcs10CertificateRequest(pem);
  if (!(await request.verify())) throw new Error('the signature of the certificate request is wrong');
  const names = alternativeNames(x509, request);
  const valuesOf = (type: string): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: valuesOf('dns'),
    ipAddresses: valuesOf('ip'),
    emails: valuesOf('email'),
    uris: valuesOf('url'),
  };
}

/** What a request (PEM) asks for, as far as people read it: titles and values in kubectl's order. Its signature is not checked. */
export async function parseCertificateRequestSubject(pem: string): Promise<{
  subject: { commonName: string; serialNumber: string; lists: [title: string, values: string[]][] };
  names: [title: string, values: string[]][];
}> {
  const x509 = await loadLibrary();
  const request = new x509.Pkcs10CertificateRequest(pem);
  const field = (name: string): string[] => request.subjectName.getField(name);
  const names = alternativeNames(x509, request);
  const valuesOf = (type: string): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    subject: {
      commonName: field('CN')[0] ?? '',
      serialNumber: field('2.5.4.5')[0] ?? '',
      lists: [
        ['Organization', field('O')],
        ['Organizational Unit', field('OU')],
        ['Country', field('C')],
        ['Locality', field('L')],
        ['Province', field('ST')],
        ['StreetAddress', field('2.5.4.9')],
        ['PostalCode', field('2.5.4.17')],
      ],
    },
    names: [
      ['DNS Names', valuesOf('dns')],
      ['Email Addresses', valuesOf('email')],
      ['URIs', valuesOf('url')],
      ['IP Addresses', valuesOf('ip')],
    ],
  };
}

/** Signs a request (PEM) with its subject and alternative names. Usages by the names that Kubernetes gives them. */
export async function signCertificateRequest(
  ca: KeyPair,
  pem: string,
  options: { usages: readonly string[]; notBefore: Date; notAfter: Date },
): Promise<string> {
  const x509 = await loadLibrary();
  const request = new x509.Pkcs10CertificateRequest(pem);
  const authority = new x509.X509Certificate(ca.cert);
  const names = alternativeNames(x509, request);
  const bits = options.usages.reduce((flags, usage) => flags | (keyUsageBits[usage] ?? 0), 0);
  const extended = options.usages.map((usage) => extendedUsages[usage]).filter((oid) => oid !== undefined);
  // What is signed cannot outlive who signed it.
  const notAfter = new Date(Math.min(options.notAfter.getTime(), authority.notAfter.getTime()));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subjectName,
    issuer: authority.subjectName,
    notBefore: options.notBefore,
    notAfter,
    ...(await importSigningKey(ca.key)),
    publicKey: request.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(bits === 0 ? [] : [new x509.KeyUsagesExtension(bits, true)]),
      ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ...(names.length === 0
        ? []
        : [new x509.SubjectAlternativeNameExtension(names.map(({ type, value }) => ({ type, value })))]),
    ],
  });
  return withLineEnd(certificate.toString('pem'));
}

type Library = Awaited<ReturnType<typeof loadLibrary>>;

const alternativeNames = (x509: Library, request: InstanceType<Library['Pkcs10CertificateRequest']>) =>
  request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension)?.names.items ?? [];

/** Bits of the key usage extension as @peculiar/x509 numbers them (RFC 5280, 4.2.1.3). */
const keyUsageBits: Readonly<Record<string, number>> = {
  signing: 1,
  'digital signature': 1,
  'content commitment': 2,
  'key encipherment': 4,
  'data encipherment': 8,
  'key agreement': 16,
  'cert sign': 32,
  'crl sign': 64,
  'encipher only': 128,
  'decipher only': 256,
};

const extendedUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
};

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
  const { signingKey, signingAlgorithm } = await importSigningKey(ca.key);
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

/** Any form of PEM that OpenSSL writes; EC and RSA. */
async function importSigningKey(pem: string) {
  const key = createPrivateKey(pem);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'rsa') {
    const signingAlgorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;
    return {
      signingAlgorithm,
      signingKey: await webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm, false, ['sign']),
    };
  }
  const known = curve === undefined ? undefined : curves[curve];
  if (known === undefined)
    throw new Error(`keys of type ${key.asymmetricKeyType ?? '?'} ${curve ?? ''} cannot sign certificates`);
  const algorithm = { name: 'ECDSA', namedCurve: known.name } as const;
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  return { signingAlgorithm: { name: 'ECDSA', hash: known.hash } as const, signingKey };
}

const curves: Readonly<Record<string, { name: string; hash: string }>> = {
  prime256v1: { name: 'P-256', hash: 'SHA-256' },
  secp384r1: { name: 'P-384', hash: 'SHA-384' },
  secp521r1: { name: 'P-521', hash: 'SHA-512' },
};

const withLineEnd = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
