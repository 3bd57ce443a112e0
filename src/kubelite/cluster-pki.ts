/** Certificates of one cluster: authority, serving and administrator leaves, the key that signs tokens. */
import type { KeyPair } from '../component/certificates.ts';
import { openCertificateFolder, splitNames } from '../installation/certificate-folder.ts';

export interface ClusterPki {
  ca: KeyPair;
  serving: KeyPair;
  admin: KeyPair;
  /** PEM of the private key. */
  serviceAccountKey: string;
}

/**
 * Reads what is in `directory`, makes what is missing, runs out, or does not name all of `names` (DNS names and addresses).
 * Without a directory nothing is kept.
 */
export async function ensureClusterPki(
  directory: string | undefined,
  cluster: string,
  names: readonly string[],
): Promise<ClusterPki> {
  const folder = openCertificateFolder(directory);
  const ca = await folder.authority('ca', `${cluster}-ca`);
  const [serving, admin] = await Promise.all([
    folder.leaf('serving', ca, { commonName: 'kube-apiserver', ...splitNames(names), usages: ['server'] }),
    folder.leaf('admin', ca, {
      commonName: 'system:admin',
      organizations: ['system:masters'],
      usages: ['client'],
    }),
  ]);
  return { ca, serving, admin, serviceAccountKey: folder.signingKey('service-account').privateKey };
}
