/** A whole API server in this process, on the memory store: milliseconds to start, nothing shared between tests. */
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../src/apiserver/server.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import type { Transport, TransportRequest } from '../../src/client/transport.ts';
import { createMemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { Store } from '../../src/storage/store.ts';

export interface TestApiServer {
  server: ApiServer;
  store: Store;
  /** Acts as system:admin; for another user: `createClient(server.localTransport(user))`. */
  client: Client;
  stop(): Promise<void>;
}

export async function startApiServer(options: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const store = options.store ?? createMemoryStore();
  const server = createApiServer({ ...options, store });
  await server.start();
  const client = createClient(server.localTransport());
  return {
    server,
    store,
    client,
    async stop() {
      await client.close();
      await server.stop();
      if (options.store === undefined) await store.close();
    },
  };
}

export interface Reply {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed body when it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of any kind
  body: any;
  text: string;
}

/** One request as a client would make it, with the whole reply: for rules about codes, headers and Status bodies. */
export async function send(
  transport: Transport,
  method: TransportRequest['method'],
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { body } = options;
  const response = await transport.request({
    method,
    path,
    headers: { 'content-type': 'application/json', ...options.headers },
    ...(body === undefined
      ? {}
      : { body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const isJson = String(response.headers['content-type']).startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined, text };
}

/** Reads a watch line by line. `next` waits for the next event; `rest` for the end. */
// biome-ignore lint/suspicious/noExplicitAny: events of any kind
export interface WatchLines extends AsyncIterator<any> {
  stop(): void;
}

export async function openWatch(transport: Transport, path: string): Promise<WatchLines> {
  const abort = new AbortController();
  const response = await transport.request({ method: 'GET', path, signal: abort.signal });
  if (response.status !== 200) throw new Error(`watch ${path}: ${response.status}`);
  async function* lines() {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        yield JSON.parse(text.slice(0, at));
        text = text.slice(at + 1);
      }
    }
  }
  return Object.assign(lines(), { stop: () => abort.abort() });
}
