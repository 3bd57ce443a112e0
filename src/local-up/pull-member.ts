/** Makes a member a pull cluster: an agent in it, with rights of its own in the control plane, as `karmadactl register` does. */
import { deepEqual, type KubeObject } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusterNamespace } from '../apis/constants.ts';
import { clusters } from '../apis/resource-types.ts';
import type { Client } from '../client/client.ts';
import { agentUser } from '../clusters/agent/agent-identity.ts';
import { createAgentRights } from '../clusters/agent/agent-rights.ts';
import { agentKubeconfigSecret } from '../clusters/agent/certificate-rotation.ts';
import { agentAccountObjects, agentDeployment } from '../clusters/agent/member-objects.ts';
import { createIfAbsent } from '../clusters/registration/join.ts';
import { clientKubeconfig } from '../installation/client-kubeconfig.ts';
import { componentNamespace } from '../installation/control-plane-objects.ts';
import { deployments, secrets } from '../kubernetes/resource-types.ts';
import type { Secret } from '../kubernetes/types.ts';
import { controlPlaneUrl, type EnvironmentPki } from './certificates.ts';
import type { Addresses, ClusterName } from './environment.ts';

/** Keeps what is there, but for the agent's certificate, which may have been renewed. A member that was joined by push stays so. */
export async function registerPullMember(
  controlPlane: Client,
  member: Client,
  name: ClusterName,
  addresses: Addresses,
  pki: EnvironmentPki,
): Promise<void> {
  if ((await clusterOf(controlPlane, name))?.spec.syncMode === 'Push') return;
  // Rights and objects are few and small: a start that was cut short goes on where it stopped.
  await createAgentRights(controlPlane, name, clusterNamespace, AbortSignal.timeout(30_000));
  const kubeconfig = clientKubeconfig({
    server: controlPlaneUrl(addresses.apiServerIp),
    ca: pki.ca.cert,
    user: name,
    pair: pki.agent,
    context: `${agentUser(name)}@karmada-apiserver`,
  });
  for (const { type, object } of agentAccountObjects({ namespace: componentNamespace, kubeconfig })) {
    const stored: KubeObject = await createIfAbsent(member, type, object);
    if (type === secrets && !deepEqual((stored as Secret).data, object['data']))
      await member
        .resource(secrets)
        .patch({ namespace: componentNamespace, name: agentKubeconfigSecret }, 'merge', { data: object['data'] });
  }
  await createIfAbsent(
    member,
    deployments,
    agentDeployment({
      namespace: componentNamespace,
      clusterName: name,
      clusterNamespace,
      apiEndpoint: `https://127.0.0.1:${addresses.ports[name]}`,
      provider: '',
      region: '',
      zones: [],
      proxyServerAddress: '',
      certificateRotation: false,
      image: 'docker.io/karmada/karmada-agent:latest',
      replicas: 1,
      kubeconfig,
    }),
  );
  if ((await clusterOf(controlPlane, name)) === undefined) throw new Error('its agent has not registered it yet');
}

async function clusterOf(controlPlane: Client, name: string): Promise<Cluster | undefined> {
  try {
    return await controlPlane.resource<Cluster>(clusters).get({ name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
