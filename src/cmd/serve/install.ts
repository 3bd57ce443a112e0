/** Brings the control plane's definitions, namespaces and rights up to this build, at every start. */
import type { KubeObject } from '../../apimachinery/object.ts';
import { isConflict, isStatus } from '../../apimachinery/status-error.ts';
import { karmadaCustomResourceDefinitions } from '../../apis/crd.ts';
import type { Client } from '../../client/client.ts';
import { agentBootstrapObjects } from '../../clusters/agent/bootstrap-objects.ts';
import { installationObjects } from '../../installation/control-plane-objects.ts';
import { createIfAbsent, createOrUpdate } from '../../installation/put-object.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import type { ConfigMap } from '../../kubernetes/types.ts';

/** `url`: where clusters that register are told to go; `ca`: PEM. */
export async function install(client: Client, { url, ca }: { url: string; ca: string }): Promise<void> {
  for (const object of installationObjects(karmadaCustomResourceDefinitions())) await put(client, object);
  for (const object of agentBootstrapObjects({ server: url, ca })) {
    await createIfAbsent(client, object);
    if (object.kind === 'ConfigMap') await keepData(client, object as ConfigMap);
  }
}

/** Written by controllers, too, which come and go beside an etcd. */
async function put(client: Client, object: KubeObject): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await createOrUpdate(client, object);
    } catch (error) {
      // What lies there unreadable is told by the API server, which must be up for whoever is to repair it.
      if (isStatus(error, 'InternalError')) return;
      if (!isConflict(error) || tries >= 5) throw error;
    }
  }
}

/** Signatures stand beside the kubeconfig in cluster-info: they stay, and are made anew when it changes. */
async function keepData(client: Client, { metadata, data = {} }: ConfigMap): Promise<void> {
  const ref = { namespace: metadata.namespace, name: metadata.name ?? '' };
  const stored = await client.resource<ConfigMap>(configMaps).get(ref);
  if (Object.entries(data).some(([key, text]) => stored.data?.[key] !== text))
    await client.resource(configMaps).patch(ref, 'merge', { data });
}
