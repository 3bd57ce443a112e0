/** From the flags of an executable to a client. */
import { existsSync, readFileSync } from 'node:fs';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { withTimeout } from '../component/abort.ts';
import type { Logger } from '../component/logging.ts';
import { createBackoff } from './backoff.ts';
import { type Client, createClient } from './client.ts';
import type { Connection } from './connection.ts';
import { createTransport, type TransportOptions } from './http-transport.ts';
import { loadKubeconfig } from './kubeconfig/load.ts';
import { type SelectedContext, selectContext, tokenFromFile } from './kubeconfig/select.ts';

export interface ConnectOptions extends TransportOptions {
  /** As of --kubeconfig; empty: KUBECONFIG, then ~/.kube/config, then the account of the pod this runs in. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
  /** As of --master. */
  master?: string | undefined;
}

export interface ConnectedClient extends SelectedContext {
  client: Client;
}

/** Nothing is sent yet. Throws when the configuration is missing or wrong. */
export function connect(options: ConnectOptions): ConnectedClient {
  const config = loadKubeconfig(options.kubeconfig);
  const bare = !options.kubeconfig && !options.context && !options.master && config.contexts.length === 0;
  const inside = bare ? inClusterConnection() : undefined;
  const selected =
    inside === undefined
      ? selectContext(config, { context: options.context, server: options.master })
      : { connection: inside, context: '', cluster: '', namespace: 'default' };
  return { ...selected, client: createClient(createTransport(selected.connection, options)) };
}

/** Process pods of a kubelite are told where the folder is that is mounted there. */
const accountFolderOf = (environment: NodeJS.ProcessEnv): string =>
  environment['KARMADA_SERVICE_ACCOUNT_DIR'] || '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of the cluster this process runs in as a pod, by its service account. */
export function inClusterConnection(environment: NodeJS.ProcessEnv = process.env): Connection | undefined {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  const accountFolder = accountFolderOf(environment);
  if (!host || !port || !existsSync(`${accountFolder}/token`)) return undefined;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: () => readFileSync(`${accountFolder}/ca.crt`, 'utf8'),
    token: tokenFromFile(`${accountFolder}/token`),
  };
}

/**
 * Resolves when the server says it is ready, however long that takes; says what it waits for, at first and once a minute.
 * Rejects with the signal's reason when aborted.
 */
export async function waitForServer(
  client: Client,
  {
    logger,
    signal,
    clock = systemClock,
    path = '/readyz',
    why,
  }: {
    logger: Logger;
    signal: AbortSignal;
    clock?: Clock;
    path?: string;
    /** Says of an error that waiting alone does not mend what to do; undefined of others. */
    why?: (error: unknown) => string | undefined;
  },
): Promise<void> {
  const backoff = createBackoff(100, 2_000);
  let toldAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    try {
      await withTimeout(signal, 10_000, (inner) => client.text(path, { signal: inner }));
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (clock.now() - toldAt > 60_000) {
        toldAt = clock.now();
        const cure = why?.(error);
        if (cure === undefined) logger.info('Waiting for the API server', { path, err: error });
        else logger.warn('Waiting for the API server', { path, err: error, why: cure });
      }
    }
    await clock.sleep(backoff.next(), signal);
  }
}
