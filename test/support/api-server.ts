/** A whole API server in this process, on the memory store: milliseconds to start, nothing shared between tests. */
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../src/apiserver/server.ts';
import { type Client, createClient } from '../../src/client/client.ts';
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
