/** Certificates of one cluster: an authority (10 years), serving and administrator leaves (1 year), the key that signs tokens. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { writeAtomically } from '../client/kubeconfig/write.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair, needsRenewal } from '../component/certificates.ts';

export interface ClusterPki {
  ca: KeyPair;
  serving: KeyPair;
  admin: KeyPair;
  /** PEM of the private key. */
  serviceAccountKey: string;
}

const authorityDays = 3650;
const leafDays = 365;
const renewalDays = 30;

/**
 * Reads what is in `directory`, makes what is missing, runs out, or does not name all of `names` (DNS names and addresses).
 * Without a directory nothing is kept.
 */
export async function ensureClusterPki(
  directory: string | undefined,
  cluster: string,
  names: readonly string[],
): Promise<ClusterPki> {
  if (directory !== undefined) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const read = (file: string): string | undefined => {
    if (directory === undefined) return undefined;
    const path = join(directory, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  const keep = (file: string, content: string): void => {
    if (directory !== undefined) writeAtomically(join(directory, file), content);
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
    keep(`${name}.key`, made.key);
    keep(`${name}.crt`, made.cert);
    return made;
  };

  const ca = await pair(
    'ca',
    () => true,
    () => createCertificateAuthority({ commonName: `${cluster}-ca`, days: authorityDays }),
  );
  const current = (cert: string): boolean =>
    !needsRenewal(cert, renewalDays) && new X509Certificate(cert).verify(new X509Certificate(ca.cert).publicKey);
  const [serving, admin] = await Promise.all([
    pair(
      'serving',
      (cert) => current(cert) && namesAll(cert, names),
      () =>
        issueCertificate(ca, {
          commonName: 'kube-apiserver',
          dnsNames: names.filter((name) => isIP(name) === 0),
          ipAddresses: names.filter((name) => isIP(name) !== 0),
          days: leafDays,
          usages: ['server'],
        }),
    ),
    pair('admin', current, () =>
      issueCertificate(ca, {
        commonName: 'system:admin',
        organizations: ['system:masters'],
        days: leafDays,
        usages: ['client'],
      }),
    ),
  ]);
  let serviceAccountKey = read('service-account.key');
  if (serviceAccountKey === undefined) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    serviceAccountKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    keep('service-account.key', serviceAccountKey);
  }
  return { ca, serving, admin, serviceAccountKey };
}

function namesAll(cert: string, names: readonly string[]): boolean {
  const parsed = new X509Certificate(cert);
  return names.every((name) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined);
}
