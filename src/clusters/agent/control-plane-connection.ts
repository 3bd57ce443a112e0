/** How an agent reaches its control plane: by a kubeconfig whose credentials and authority may be replaced while the agent runs. */
import { type Connection, resolveSource } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { selectContext } from '../../client/kubeconfig/select.ts';

/**
 * Throws when the file or the context is not there. Each new connection presents, and trusts, what the file holds then; a token
 * is read again once it was refused.
 */
export function controlPlaneConnection(file: string, context: string | undefined): Connection {
  const read = (): Connection => selectContext(loadKubeconfig(file), { context }).connection;
  const first = read();
  let last = first;
  const readAgain = (): Connection => {
    try {
      last = read();
    } catch {
      // In the middle of being replaced: the one before still serves.
    }
    return last;
  };
  const { ca, clientCertificate, token } = first;
  return {
    ...first,
    ...(ca === undefined ? {} : { ca: () => resolveSource(readAgain().ca) }),
    ...(clientCertificate === undefined
      ? {}
      : { clientCertificate: () => resolveSource(readAgain().clientCertificate ?? clientCertificate) }),
    ...(token === undefined ? {} : { token: () => resolveSource(last.token) }),
    onUnauthorized() {
      readAgain().onUnauthorized?.();
    },
  };
}
