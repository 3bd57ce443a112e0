/** The process that server-process.ts starts: an API server on a durable store. argv[2]: its configuration as JSON. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createApiServer } from '../../src/apiserver/server.ts';
import { openEmbeddedStore } from '../../src/storage/embedded/embedded-store.ts';

export interface ChildConfiguration {
  directory: string;
  /** PEM. */
  clientCa: string;
  cert: string;
  key: string;
  /** Written beside the store before it is opened; the line `free` on stdin removes it. */
  ballastBytes: number;
  /** History is compacted as often, and kept as long. */
  compactionMs: number;
}

const { directory, clientCa, cert, key, ballastBytes, compactionMs }: ChildConfiguration = JSON.parse(
  process.argv[2] as string,
);
const ballast = join(directory, 'ballast');
if (ballastBytes > 0) writeFileSync(ballast, Buffer.alloc(ballastBytes, 1));
const store = await openEmbeddedStore(join(directory, 'store'));
const server = createApiServer({
  store,
  clientCa,
  serving: { port: 0, cert, key },
  compaction: compactionMs > 0 ? { keepMs: compactionMs, intervalMs: compactionMs } : {},
});
await server.start();
process.stdout.write(`${server.url}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'free') rmSync(ballast);
  process.stdout.write(`${line}\n`);
}
// Whoever started it is gone.
process.exit(0);
