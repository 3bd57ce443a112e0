/** A client's transport into this very process: same pipeline and checks, no socket. */
import type { Transport, TransportRequest, TransportResponse } from '../client/transport.ts';
import type { UserInfo } from './authentication/user-info.ts';
import { eventLoopTurn } from './event-loop-turn.ts';
import { linkAbort, sharedAbort } from './linked-abort.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

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
      const response = await handle(toApiRequest(request, user, userAgent, linked.signal));
      if (typeof response.body === 'function') return streamed(response, response.body, linked);
      linked.release();
      const body = typeof response.body === 'string' ? Buffer.from(response.body) : response.body;
      return { status: response.status, headers: response.headers, body: once(body) };
    },
    async close() {
      closed.abort();
    },
  };
}

function toApiRequest(request: TransportRequest, user: UserInfo, userAgent: string, signal: AbortSignal): ApiRequest {
  const at = request.path.indexOf('?');
  const headers: Record<string, string | string[]> = { 'user-agent': userAgent };
  for (const [name, value] of Object.entries(request.headers ?? {}))
    headers[name.toLowerCase()] = typeof value === 'string' ? value : [...value];
  return {
    method: request.method,
    path: at < 0 ? request.path : request.path.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : request.path.slice(at + 1)),
    headers,
    readBody: async () =>
      typeof request.body === 'string' ? Buffer.from(request.body) : (request.body ?? Buffer.alloc(0)),
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

async function* once(body: Buffer): AsyncGenerator<Uint8Array> {
  if (body.length > 0) yield body;
}

/** The writer waits until the reader has taken what it wrote: back-pressure as on a socket. */
function streamed(
  response: ApiResponse,
  body: Exclude<ApiResponse['body'], Buffer | string>,
  linked: ReturnType<typeof linkAbort>,
): TransportResponse {
  let pending: { chunk: Buffer; taken: () => void } | undefined;
  let wake: (() => void) | undefined;
  let over = false;
  let failure: unknown;
  const finish = (): void => {
    over = true;
    linked.release();
    wake?.();
  };
  linked.signal.addEventListener('abort', () => {
    over = true;
    pending?.taken();
    pending = undefined;
    wake?.();
  });
  const write = (chunk: Buffer | string): Promise<void> => {
    if (over || chunk.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      pending = { chunk: typeof chunk === 'string' ? Buffer.from(chunk) : chunk, taken: resolve };
      wake?.();
    });
  };
  body(write).then(finish, (error: unknown) => {
    failure = error;
    finish();
  });
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (pending !== undefined) {
          const { chunk, taken } = pending;
          pending = undefined;
          taken();
          yield chunk;
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
    } finally {
      linked.abort();
      linked.release();
    }
  }
  return { status: response.status, headers: response.headers, body: chunks() };
}
