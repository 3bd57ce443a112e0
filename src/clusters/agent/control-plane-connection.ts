/** How an agent reaches its control plane: by a kubeconfig whose certificate may be replaced while the agent runs. */
import type { Connection } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { selectContext } from '../../client/kubeconfig/select.ts';

/** Throws when the file or the context is not there. Each new connection presents what the file holds then. */
export function controlPlaneConnection(file: string, context: string | undefined): Connection {
  const read = (): Connection => selectContext(loadKubeconfig(file), { context }).connection;
  const { clientCertificate, ...connection } = read();
  if (clientCertificate === undefined) return connection;
  let last = clientCertificate;
  return {
    ...connection,
    clientCertificate: () => {
      try {
        last = read().clientCertificate ?? last;
      } catch {
        // In the middle of being replaced: the one before still serves.
      }
      return typeof last === 'function' ? last() : last;
    },
  };
}
