/** Certificates of the Karmada control plane of the local environment, among them one of the agent in the pull cluster. */
import type { Clock } from '../apimachinery/clock.ts';
import { agentGroup, agentUser } from '../clusters/agent/agent-identity.ts';
import type { KeyPair } from '../component/certificates.ts';
import { openCertificateFolder } from '../installation/certificate-folder.ts';
import { type ControlPlanePki, ensureControlPlanePki } from '../installation/control-plane-certificates.ts';
import { componentNamespace } from '../installation/control-plane-objects.ts';
import { pullMemberName } from './environment.ts';
import { apiServerName, apiServerPort } from './manifests/components.ts';

export interface EnvironmentPki extends ControlPlanePki {
  /** Of the agent in the pull cluster. */
  agent: KeyPair;
}

/** Reads what is there, makes what is missing or runs out. `serverIp` is the address users and components connect to. */
export async function ensurePki(folder: string, serverIp: string, clock?: Clock): Promise<EnvironmentPki> {
  const certificates = openCertificateFolder(folder, { ...(clock === undefined ? {} : { clock }) });
  const host = `${apiServerName}.${componentNamespace}.svc`;
  const pki = await ensureControlPlanePki(certificates, {
    name: `${apiServerName}-${serverIp}`,
    dnsNames: [
      'localhost',
      apiServerName,
      `${apiServerName}.${componentNamespace}`,
      host,
      `${host}.cluster.local`,
      'kubernetes.default.svc',
    ],
    ipAddresses: ['127.0.0.1', serverIp],
  });
  const agent = await certificates.leaf(`karmada-agent-${pullMemberName}`, pki.ca, {
    commonName: agentUser(pullMemberName),
    organizations: [agentGroup],
    usages: ['client'],
  });
  return { ...pki, agent };
}

/** `https://127.N.128.10:5443`: how the user's kubeconfig reaches the control plane. */
export function controlPlaneUrl(serverIp: string): string {
  return `https://${serverIp}:${apiServerPort}`;
}
