/** Certificate requests (PKCS #10) as a machine that joins makes them. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  cryptoProvider,
  type JsonGeneralName,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';

export interface RequestOptions {
  /** In the order in which they are to stand. */
  organizations?: readonly string[];
  names?: readonly JsonGeneralName[];
  /** Default ec. */
  key?: 'rsa' | 'ec';
}

const algorithms = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
};

/** Both PEM. */
export async function certificateRequest(
  commonName: string,
  { organizations = [], names = [], key = 'ec' }: RequestOptions = {},
): Promise<{ request: string; key: string }> {
  cryptoProvider.set(webcrypto as never);
  const signingAlgorithm = algorithms[key];
  const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }],
    keys: keys as never,
    signingAlgorithm: signingAlgorithm as never,
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = (der.match(/.{1,64}/g) ?? []).join('\n');
  return {
    request: `${request.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}

/** `/O=a/O=b/CN=c`, as people write subjects. */
export function requestFor(subject: string, options: Omit<RequestOptions, 'organizations'> = {}) {
  const parts = subject.split(/\/(?=(?:O|CN)=)/).slice(1);
  const valuesOf = (name: string) =>
    parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));
  return certificateRequest(valuesOf('CN')[0] ?? '', { ...options, organizations: valuesOf('O') });
}
