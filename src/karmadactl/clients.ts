/** Clients of the control plane and of a member cluster, from the flags of a command. */
import { existsSync } from 'node:fs';
import { createClient } from '../client/client.ts';
import { type ConnectedClient, connect } from '../client/connect.ts';
import type { Connection } from '../client/connection.ts';
import { createTransport, type TransportOptions } from '../client/http-transport.ts';

let observe: TransportOptions['observe'];

/** Who sees the answers to all requests of this process, as client-go has one handler of warnings. */
export function observeRequests(observer: TransportOptions['observe']): void {
  observe = observer;
}

let quiet = false;

/** For requests that nobody asked for one by one: what servers warn of then helps nobody. */
export async function withoutWarnings<T>(work: () => Promise<T>): Promise<T> {
  quiet = true;
  try {
    return await work();
  } finally {
    quiet = false;
  }
}

/** client-go's limits for interactive tools. */
export const clientOptions: TransportOptions & { userAgent: string } = {
  userAgent: 'karmadactl',
  qps: 50,
  burst: 300,
  connectTimeoutMs: 10_000,
  observe({ response, ...exchange }) {
    const shown = quiet ? { ...response, headers: { ...response.headers, warning: undefined } } : response;
    return observe?.({ ...exchange, response: shown }) ?? shown;
  },
};

export interface KarmadaFlagValues {
  readonly kubeconfig: string;
  readonly 'karmada-context': string;
}

export function controlPlaneClient(flags: KarmadaFlagValues, impersonate?: Connection['impersonate']): ConnectedClient {
  const { kubeconfig, 'karmada-context': context } = flags;
  try {
    const connected = connect({ ...clientOptions, kubeconfig, context });
    if (impersonate === undefined) return connected;
    const connection = { ...connected.connection, impersonate };
    return { ...connected, connection, client: createClient(createTransport(connection, clientOptions)) };
  } catch (error) {
    if (isNothingConfigured(error)) throw new Error(missingConfiguration, { cause: error });
    const why = (error as Error).message;
    const noFile = kubeconfig !== '' && !existsSync(kubeconfig);
    const hint =
      context === '' || noFile
        ? 'Give the path of a kubeconfig with --kubeconfig or in KUBECONFIG.'
        : "Choose a context with --karmada-context: 'kubectl config get-contexts' lists them.";
    throw new Error(
      `failed to get control plane rest config. context: ${context}, kube-config: ${kubeconfig}, error: ${why}\n${hint}`,
      {
        cause: error,
      },
    );
  }
}

/** `what` is the beginning of the error: `failed to get joining cluster config`. */
export function memberClient(kubeconfig: string, context: string, what: string): ConnectedClient {
  try {
    return connect({ ...clientOptions, kubeconfig, context });
  } catch (error) {
    const why =
      isNothingConfigured(error) || !existsSync(kubeconfig || '.') ? missingConfiguration : (error as Error).message;
    throw new Error(`${what}. error: ${why}`, { cause: error });
  }
}

const isNothingConfigured = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('no configuration has been provided');

/** Of kubectl. */
const missingConfiguration = `Missing or incomplete configuration info.  Please point to an existing, complete config file:

  1. Via the command-line flag --kubeconfig
  2. Via the KUBECONFIG environment variable
  3. In your home directory as ~/.kube/config

To view or setup config directly use the 'config' command.`;
