/**
 * Calls to the members of an etcd cluster: to one of them, and to the next when it does not answer.
 *
 *   connection refused, no leader, overloaded ──▶ nothing was done: tried again, elsewhere
 *   connection lost, timed out                ──▶ perhaps it was done: tried again when the caller says that doing it twice is doing it once
 *   still nothing after `retryMs`             ──▶ UnavailableError, a 503 for clients
 */

import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Clock } from '../../apimachinery/clock.ts';
import { type StatusError, statusFailure } from '../../apimachinery/status-error.ts';
import { type Calls, methods, type WatchRequest, type WatchResponse } from './protocol.ts';

export interface EtcdTls {
  /** PEM. Without it the system's authorities count. */
  ca?: Buffer | undefined;
  cert?: Buffer | undefined;
  key?: Buffer | undefined;
}

export interface EtcdConnectionOptions {
  /** `https://10.0.0.1:2379`, `http://…`. */
  servers: readonly string[];
  tls?: EtcdTls | undefined;
  clock: Clock;
  /** How long a call is tried. Default 10 seconds. */
  retryMs?: number | undefined;
}

export type WatchStream = ClientDuplexStream<WatchRequest, WatchResponse>;

export interface EtcdConnection {
  /** Throws ServiceError as etcd answered it, or a StatusError 503 when nobody did. `repeatable`: doing it twice is doing it once. */
  call<K extends keyof Calls>(
    name: K,
    request: Calls[K]['request'],
    options: { repeatable: boolean; onRepeat?: () => void; timeoutMs?: number },
  ): Promise<Calls[K]['response']>;
  /** On the member that calls go to. A stream that fails moves them to the next. */
  watch(): WatchStream;
  close(): void;
}

const defaultRetryMs = 10_000;
const attemptMs = 7_000;
const pauses = [20, 50, 100, 200, 400] as const;

const channelOptions: ClientOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // etcd allows a ping every 5 seconds.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // Tries are made here; without the library's own, and without its statistics, a call takes a third less processor time.
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  // Each member gets the connection that is meant for it.
  'grpc.use_local_subchannel_pool': 1,
};

export function connectEtcd({
  servers,
  tls = {},
  clock,
  retryMs = defaultRetryMs,
}: EtcdConnectionOptions): EtcdConnection {
  const clients = servers.map((server) => createClient(server, tls));
  if (clients.length === 0) throw new Error('etcd: no servers are given');
  const closing = new AbortController();
  let current = 0;
  const moveFrom = (client: Client): void => {
    if (clients[current] === client) current = (current + 1) % clients.length;
  };

  return {
    async call(name, request, { repeatable, onRepeat, timeoutMs = attemptMs }) {
      const start = clock.now();
      for (let attempt = 0; ; attempt++) {
        const client = clients[current] as Client;
        try {
          return await unary(client, name, request, timeoutMs);
        } catch (error) {
          const failure = error as ServiceError;
          if (closing.signal.aborted || !isTransient(failure)) throw error;
          moveFrom(client);
          const done = !wasRefused(failure);
          if (done && !repeatable)
            throw unavailable(`the outcome of the request is unknown: ${failure.details}`, error);
          if (clock.now() - start >= retryMs) throw unavailable(failure.details, error);
          if (done) onRepeat?.();
          await clock.sleep(pauses[Math.min(attempt, pauses.length - 1)] as number, closing.signal);
        }
      }
    },
    watch() {
      const client = clients[current] as Client;
      const { path, requestSerialize, responseDeserialize } = methods['Watch'] as MethodDefinition<
        WatchRequest,
        WatchResponse
      >;
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, needsLeader());
      stream.on('error', () => moveFrom(client));
      return stream;
    },
    close() {
      closing.abort();
      for (const client of clients) client.close();
    },
  };
}

/** Whether trying again may help: the member is away, or the cluster is electing. */
export function isTransient(error: Partial<ServiceError>): boolean {
  if (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED) return true;
  if (error.code === status.RESOURCE_EXHAUSTED) return error.details === 'etcdserver: too many requests';
  // A connection that ends under a stream.
  return error.code === status.INTERNAL && /RST_STREAM/.test(error.details ?? '');
}

/** It is certain that the request was not carried out. */
function wasRefused({ details }: ServiceError): boolean {
  return (
    /^(No connection established|Failed to connect|Name resolution failed)/.test(details) ||
    details === 'etcdserver: no leader' ||
    details === 'etcdserver: too many requests'
  );
}

export const unavailable = (why: string, cause?: unknown): StatusError =>
  statusFailure(503, 'ServiceUnavailable', `etcd does not answer: ${why}`, { retryAfterSeconds: 1 }, cause);

function unary<K extends keyof Calls>(
  client: Client,
  name: K,
  request: Calls[K]['request'],
  timeoutMs: number,
): Promise<Calls[K]['response']> {
  const { path, requestSerialize, responseDeserialize } = methods[name] as MethodDefinition<
    Calls[K]['request'],
    Calls[K]['response']
  >;
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + timeoutMs;
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      needsLeader(),
      { deadline },
      (error, reply) => {
        if (error) reject(error);
        else resolve(reply as Calls[K]['response']);
      },
    );
  });
}

/** A member without a leader answers so at once, instead of waiting for one. */
function needsLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}

function createClient(server: string, tls: EtcdTls): Client {
  const url = parseServer(server);
  const address = `${url.hostname}:${url.port || (url.protocol === 'http:' ? 80 : 443)}`;
  if (url.protocol === 'http:') return new Client(address, credentials.createInsecure(), channelOptions);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = (verify = {}) => credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null, verify);
  if (isIP(host) === 0) return new Client(address, secure(), channelOptions);
  // An address is no TLS server name (RFC 6066): none is sent, and the certificate is checked against the address.
  return new Client(
    address,
    secure({ checkServerIdentity: (_name: string, peer: never) => checkServerIdentity(host, peer) }),
    {
      ...channelOptions,
      'grpc.ssl_target_name_override': 'etcd',
      'grpc.default_authority': address,
    },
  );
}

/** Throws on what is no URL of an etcd member. */
export function parseServer(server: string): URL {
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new Error(`etcd: ${JSON.stringify(server)} is no URL`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Error(`etcd: ${JSON.stringify(server)} must begin with http:// or https://`);
  return url;
}
