/** Who has which identity in a control plane, and the certificates that prove it. */
import type { KeyPair } from '../component/certificates.ts';
import type { CertificateFolder } from './certificate-folder.ts';

export interface ControlPlanePki {
  ca: KeyPair;
  serving: KeyPair;
  serviceAccount: { privateKey: string; publicKey: string };
  admin: KeyPair;
  /** By component. */
  clients: Readonly<Record<string, KeyPair>>;
}

/** User name of each component; control-plane-objects.ts binds its rights. */
export const componentUsers = {
  'karmada-controller-manager': 'system:karmada:controller-manager',
  'karmada-scheduler': 'system:karmada:scheduler',
  'kube-controller-manager': 'system:kube-controller-manager',
} as const;

export type ComponentName = keyof typeof componentUsers;

export interface ServingRequest {
  /** Of the files. */
  name: string;
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
}

/** One authority, a certificate of the API server, one for the user (group system:masters), one a component, and the key of service account tokens. */
export async function ensureControlPlanePki(
  folder: CertificateFolder,
  { name, dnsNames, ipAddresses }: ServingRequest,
): Promise<ControlPlanePki> {
  const ca = await folder.authority('ca', 'karmada');
  const serving = await folder.leaf(name, ca, {
    commonName: 'karmada-apiserver',
    dnsNames,
    ipAddresses,
    usages: ['server'],
  });
  const admin = await folder.leaf('admin', ca, {
    commonName: 'system:admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  const clients: Record<string, KeyPair> = {};
  for (const [component, user] of Object.entries(componentUsers))
    clients[component] = await folder.leaf(component, ca, { commonName: user, usages: ['client'] });
  return { ca, serving, admin, clients, serviceAccount: folder.signingKey('sa') };
}
