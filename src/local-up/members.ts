/** Registers the member clusters with the control plane, in push mode, as `karmadactl join` does. */
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';
import type { Client } from '../client/client.ts';
import { joinCluster } from '../clusters/registration/join.ts';
import type { Addresses, ClusterName } from './environment.ts';

/** Does nothing when the cluster is registered. A join that was cut short goes on where it stopped. */
export async function joinMember(
  controlPlane: Client,
  member: Client,
  name: ClusterName,
  addresses: Addresses,
): Promise<void> {
  try {
    await controlPlane.resource<Cluster>(clusters).get({ name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await joinCluster({
      clusterName: name,
      controlPlane,
      member,
      endpoint: { server: `https://127.0.0.1:${addresses.ports[name]}` },
    });
  }
}
