/** Whether the server a command was given is a Karmada control plane. What comes of the wrong context is hard to understand. */
import { isNotFound } from '../apimachinery/status-error.ts';
import { clusters } from '../apis/resource-types.ts';
import type { ConnectedClient } from '../client/connect.ts';
import { loadKubeconfig } from '../client/kubeconfig/load.ts';
import type { KarmadaFlagValues } from './clients.ts';

/** @throws that it is none, with the contexts there are to choose from */
export async function requireControlPlane(
  { client, connection, context }: ConnectedClient,
  flags: KarmadaFlagValues,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.request('GET', `/apis/${clusters.group}/${clusters.version}`, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(
      `the server ${connection.server} (context ${JSON.stringify(context)}) is no Karmada control plane: it does not serve ${clusters.group}/${clusters.version}. Choose the control plane with --kubeconfig and --karmada-context${contextsIn(flags.kubeconfig)}`,
      { cause: error },
    );
  }
}

/** `; there are the contexts "a", "b"`, to be put behind an advice. */
export function contextsIn(kubeconfig: string): string {
  const names = loadKubeconfig(kubeconfig).contexts.map(({ name }) => JSON.stringify(name));
  return names.length === 0 ? '' : `; there are the contexts ${names.join(', ')}`;
}
