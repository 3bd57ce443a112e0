/**
 * Certificates and keys in a folder: `<name>.crt` and `<name>.key`, 0600. Authorities (10 years) and signing keys are kept for ever; leaves (1 year) are
 * made anew when less than 30 days are left, or when they no longer are what is asked for.
 */
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { writeAtomically } from '../client/kubeconfig/write.ts';
import {
  createCertificateAuthority,
  issueCertificate,
  type KeyPair,
  type LeafOptions,
  needsRenewal,
} from '../component/certificates.ts';

const authorityDays = 3650;
const leafDays = 365;
const renewalDays = 30;

export type LeafRequest = Omit<LeafOptions, 'days'>;

export interface CertificateFolder {
  authority(name: string, commonName: string): Promise<KeyPair>;
  leaf(name: string, ca: KeyPair, request: LeafRequest): Promise<KeyPair>;
  /** An EC key, both parts PEM; `<name>.key` holds the private one. */
  signingKey(name: string): { privateKey: string; publicKey: string };
}

/** Without a folder nothing is kept. `renewLeaves`: also those that would do for longer. */
export function openCertificateFolder(
  folder: string | undefined,
  { clock = systemClock, renewLeaves = false }: { clock?: Clock; renewLeaves?: boolean } = {},
): CertificateFolder {
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const read = (file: string): string | undefined => {
    const path = folder === undefined ? undefined : join(folder, file);
    return path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  const keep = (file: string, content: string): void => {
    if (folder !== undefined) writeAtomically(join(folder, file), content);
  };
  const pair = async (
    name: string,
    usable: (cert: string) => boolean,
    make: () => Promise<KeyPair>,
  ): Promise<KeyPair> => {
    const cert = read(`${name}.crt`);
    const key = read(`${name}.key`);
    if (cert !== undefined && key !== undefined && usable(cert)) return { cert, key };
    const made = await make();
    // The key first: a certificate on disk means that its key is there too.
    keep(`${name}.key`, made.key);
    keep(`${name}.crt`, made.cert);
    return made;
  };
  return {
    authority: (name, commonName) =>
      pair(
        name,
        () => true,
        () => createCertificateAuthority({ commonName, days: authorityDays }),
      ),
    leaf: (name, ca, request) =>
      pair(
        name,
        (cert) =>
          !renewLeaves &&
          !needsRenewal(cert, renewalDays, clock.now()) &&
          isSignedBy(cert, ca) &&
          namesAll(cert, request),
        () => issueCertificate(ca, { ...request, days: leafDays }),
      ),
    signingKey(name) {
      let privateKey = read(`${name}.key`);
      if (privateKey === undefined) {
        const made = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
        privateKey = made.export({ type: 'pkcs8', format: 'pem' }).toString();
        keep(`${name}.key`, privateKey);
      }
      const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
      return { privateKey, publicKey };
    },
  };
}

const isSignedBy = (cert: string, ca: KeyPair): boolean =>
  new X509Certificate(cert).verify(new X509Certificate(ca.cert).publicKey);

function namesAll(cert: string, { dnsNames = [], ipAddresses = [] }: LeafRequest): boolean {
  const parsed = new X509Certificate(cert);
  return (
    dnsNames.every((name) => parsed.checkHost(name) !== undefined) &&
    ipAddresses.every((ip) => parsed.checkIP(ip) !== undefined)
  );
}

/** Names and addresses, apart. */
export const splitNames = (names: readonly string[]): Required<Pick<LeafRequest, 'dnsNames' | 'ipAddresses'>> => ({
  dnsNames: names.filter((name) => isIP(name) === 0),
  ipAddresses: names.filter((name) => isIP(name) !== 0),
});
