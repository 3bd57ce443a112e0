/** A client's transport into this very process: same pipeline and checks, no socket. */
import { cloneJson } from '../apimachinery/object.ts';
import type { ResponseBody, Transport, TransportRequest, TransportResponse } from '../client/transport.ts';
import type { UserInfo } from './authentication/user-info.ts';
import { eventLoopTurn } from './event-loop-turn.ts';
import { linkAbort, sharedAbort } from './linked-abort.ts';
import type { ApiRequest, ApiResponse, SharedEvent } from './request.ts';

export function createLocalTransport(
  handle: (request: ApiRequest) => Promise<ApiResponse>,
  user: UserInfo,
  userAgent: string = agentOf(user),
): Transport {
  const closed = sharedAbort();
  return {
    async request(request) {
      closed.signal.throwIfAborted();
      request.signal?.throwIfAborted();
      await eventLoopTurn();
      request.signal?.throwIfAborted();
      const linked = linkAbort(closed.signal, ...(request.signal ? [request.signal] : []));
      const events =
        request.shared === true && request.method === 'GET' ? createHandOver<readonly SharedEvent[]>() : undefined;
      const response = await handle(toApiRequest(request, user, userAgent, linked.signal, events));
      if (request.shared === true && response.shared !== undefined && response.status < 400) {
        linked.release();
        return { status: response.status, headers: response.headers, body: nothing(), shared: response.shared() };
      }
      if (typeof response.body === 'function') return streamed(response, response.body, linked, events);
      linked.release();
      const body = typeof response.body === 'string' ? Buffer.from(response.body) : response.body;
      return { status: response.status, headers: response.headers, body: wholeBody(body) };
    },
    async close() {
      closed.abort();
    },
  };
}

function toApiRequest(
  request: TransportRequest,
  user: UserInfo,
  userAgent: string,
  signal: AbortSignal,
  events: HandOver<readonly SharedEvent[]> | undefined,
): ApiRequest {
  const at = request.path.indexOf('?');
  const { body, value } = request;
  const headers: Record<string, string | string[]> = { 'user-agent': userAgent };
  for (const [name, value] of Object.entries(request.headers ?? {}))
    headers[name.toLowerCase()] = typeof value === 'string' ? value : [...value];
  return {
    method: request.method,
    path: at < 0 ? request.path : request.path.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : request.path.slice(at + 1)),
    headers,
    readBody: async () =>
      typeof body === 'string'
        ? Buffer.from(body)
        : (body ?? Buffer.from(value === undefined ? '' : JSON.stringify(value))),
    readValue: value === undefined ? undefined : () => cloneJson(value),
    takeEvents: events?.give,
    user,
    remoteAddress: '127.0.0.1',
    signal,
  };
}

/** Components in the server's process name no agent: they are known by their user (`system:kube-scheduler`, `system:node:a`). */
function agentOf({ name }: UserInfo): string {
  const part = name.replace(/^system:/, '').split(':', 1)[0] ?? '';
  if (part === 'node') return 'kubelet';
  return part === 'apiserver' || part === 'admin' ? 'kube-apiserver' : part;
}

const wholeBody = (bytes: Buffer): ResponseBody => ({
  async *[Symbol.asyncIterator]() {
    if (bytes.length > 0) yield bytes;
  },
  whole: async () => bytes,
});

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** From one writer to one reader. The writer waits until the reader has taken what it gave: back-pressure as on a socket. */
interface HandOver<T> {
  give(piece: T): Promise<void>;
  /** Ends when `end` was called; throws its error. */
  pieces(): AsyncGenerator<T>;
  /** `drop`: what was given and not taken is not wanted any more. */
  end(options?: { error?: unknown; drop?: boolean }): void;
}

function createHandOver<T>(): HandOver<T> {
  let pending: { piece: T; taken: () => void } | undefined;
  let wake: (() => void) | undefined;
  let over = false;
  let failure: unknown;
  return {
    give(piece) {
      if (over) return Promise.resolve();
      return new Promise((resolve) => {
        pending = { piece, taken: resolve };
        wake?.();
      });
    },
    async *pieces() {
      for (;;) {
        if (pending !== undefined) {
          const { piece, taken } = pending;
          pending = undefined;
          taken();
          yield piece;
        } else if (over) {
          if (failure !== undefined) throw failure;
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      }
    },
    end({ error, drop } = {}) {
      over = true;
      failure ??= error;
      if (drop === true) {
        pending?.taken();
        pending = undefined;
      }
      wake?.();
    },
  };
}

function streamed(
  response: ApiResponse,
  body: Exclude<ApiResponse['body'], Buffer | string>,
  linked: ReturnType<typeof linkAbort>,
  events: HandOver<readonly SharedEvent[]> | undefined,
): TransportResponse {
  const bytes = createHandOver<Buffer>();
  const end = (options?: { error?: unknown; drop?: boolean }): void => {
    bytes.end(options);
    events?.end(options);
  };
  linked.signal.addEventListener('abort', () => end({ drop: true }));
  const write = (chunk: Buffer | string): Promise<void> => {
    if (chunk.length === 0) return Promise.resolve();
    return bytes.give(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  };
  const finish = (error?: unknown): void => {
    linked.release();
    end({ error });
  };
  body(write).then(() => finish(), finish);
  /** Who stops reading ends the stream. */
  async function* untilLeft<T>(pieces: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      yield* pieces;
    } finally {
      linked.abort();
      linked.release();
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    body: untilLeft(bytes.pieces()),
    events: events && untilLeft(events.pieces()),
  };
}
