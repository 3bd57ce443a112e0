/** Clients of the environment's API servers. */
import { type Client, createClient } from '../client/client.ts';
import type { Connection } from '../client/connection.ts';
import { createTransport } from '../client/http-transport.ts';
import { loadKubeconfig } from '../client/kubeconfig/load.ts';
import { selectContext } from '../client/kubeconfig/select.ts';

/** Impatient: whoever uses these clients asks again. */
const options = { userAgent: 'karmada', connectTimeoutMs: 2000, headersTimeoutMs: 10_000 };

export function clientFor(connection: Connection): Client {
  return createClient(createTransport(connection, options));
}

/** Throws when the file is not there, cannot be parsed or lacks the context (default: its current one). */
export function clientFromFile(kubeconfig: string, context?: string): Client {
  return clientFor(selectContext(loadKubeconfig(kubeconfig), { context }).connection);
}
