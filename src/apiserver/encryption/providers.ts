/**
 * Encryption of stored values, byte for byte as kube-apiserver does it:
 *
 *   k8s:enc:aescbc:v1:<key>:   IV (16) | AES-CBC of the value, padded as PKCS #7 says
 *   k8s:enc:aesgcm:v1:<key>:   nonce (12) | AES-GCM of the value | tag (16); the object's key in the store is authenticated, too
 *   anything else              the value itself (identity)
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export interface EncryptionKey {
  readonly name: string;
  readonly secret: Buffer;
}

export type CipherName = 'aescbc' | 'aesgcm';

export type Provider =
  | { readonly kind: 'identity' }
  | { readonly kind: CipherName; readonly keys: readonly EncryptionKey[] };

/** What a stored value says of itself; undefined for one that is not encrypted. */
export interface Envelope {
  readonly provider: string;
  readonly key: string;
  readonly body: Buffer;
}

const mark = Buffer.from('k8s:enc:');

/** `provider` and `key` are empty when the header is not whole. */
export function openEnvelope(value: Buffer): Envelope | undefined {
  if (value[0] !== mark[0] || !value.subarray(0, mark.length).equals(mark)) return undefined;
  let end = mark.length - 1;
  for (let colons = 2; colons < 5 && end >= 0; colons++) end = value.indexOf(0x3a, end + 1);
  const [provider = '', version, key = ''] = value.toString('utf8', mark.length, end).split(':');
  if (end < 0 || version !== 'v1') return { provider: '', key: '', body: value };
  return { provider, key, body: value.subarray(end + 1) };
}

export function encrypt(kind: CipherName, { name, secret }: EncryptionKey, value: Buffer, storeKey: string): Buffer {
  const header = headerOf(kind, name);
  if (kind === 'aescbc') {
    const iv = randomBytes(16);
    const cipher = createCipheriv(`aes-${secret.length * 8}-cbc` as 'aes-256-cbc', secret, iv);
    return Buffer.concat([header, iv, cipher.update(value), cipher.final()]);
  }
  const nonce = randomBytes(12);
  const cipher = createCipheriv(`aes-${secret.length * 8}-gcm` as 'aes-256-gcm', secret, nonce);
  cipher.setAAD(Buffer.from(storeKey));
  return Buffer.concat([header, nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when the bytes were not encrypted with this key, or are damaged. */
export function decrypt(kind: CipherName, { secret }: EncryptionKey, body: Buffer, storeKey: string): Buffer {
  if (kind === 'aescbc') {
    const decipher = createDecipheriv(`aes-${secret.length * 8}-cbc`, secret, body.subarray(0, 16));
    return Buffer.concat([decipher.update(body.subarray(16)), decipher.final()]);
  }
  const end = body.length - 16;
  const decipher = createDecipheriv(`aes-${secret.length * 8}-gcm` as 'aes-256-gcm', secret, body.subarray(0, 12));
  decipher.setAAD(Buffer.from(storeKey));
  decipher.setAuthTag(body.subarray(end));
  return Buffer.concat([decipher.update(body.subarray(12, end)), decipher.final()]);
}

const headerOf = (provider: string, key: string): Buffer => Buffer.from(`k8s:enc:${provider}:v1:${key}:`);
