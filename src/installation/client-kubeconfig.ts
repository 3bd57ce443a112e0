/** The text of a kubeconfig file with one user of one API server. */
import { stringify } from 'yaml';
import type { KeyPair } from '../component/certificates.ts';

export interface ClientKubeconfig {
  server: string;
  /** PEM. */
  ca: string;
  user: string;
  pair: KeyPair;
  /** Default: the name of the cluster entry. */
  context?: string;
}

const cluster = 'karmada-apiserver';

export function clientKubeconfig({ server, ca, user, pair, context = cluster }: ClientKubeconfig): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      { name: user, user: { 'client-certificate-data': base64(pair.cert), 'client-key-data': base64(pair.key) } },
    ],
    contexts: [{ name: context, context: { cluster, user } }],
    'current-context': context,
  });
}
