import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWatch, send } from '../../test/support/api-server.ts';
import { createServerProcesses } from '../../test/support/server-process.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const canMount = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;

describe('an API server whose disk is full', () => {
  it.skipIf(!canMount)(
    'refuses writes with 5xx, keeps nothing of them, reads on, and writes again when there is space',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'full-'));
      const processes = await createServerProcesses();
      const server = await processes.start({ directory, disk: { bytes: 24 << 20, ballastBytes: 6 << 20 } });
      const transport = server.connect();
      try {
        const { body: empty } = await send(transport, 'GET', configMaps);
        const watch = await openWatch(
          transport,
          `${configMaps}?watch=true&resourceVersion=${empty.metadata.resourceVersion}`,
        );
        const acknowledged = new Map<string, string>();
        const refused: string[] = [];
        const create = async (name: string): Promise<number> => {
          const body = { metadata: { name }, data: { filler: 'x'.repeat(60_000) } };
          const reply = await send(transport, 'POST', configMaps, { body });
          if (reply.status === 201) acknowledged.set(name, reply.body.metadata.resourceVersion);
          else {
            expect(reply.body).toMatchObject({ kind: 'Status', status: 'Failure', code: reply.status });
            refused.push(name);
          }
          return reply.status;
        };
        const writer = async (id: number): Promise<void> => {
          let failures = 0;
          for (let n = 0; failures < 3; n++) {
            const status = await create(`c${id}-${n}`);
            if (status === 201) continue;
            expect(status).toBeGreaterThanOrEqual(500);
            failures++;
          }
        };
        await Promise.all(Array.from({ length: 8 }, (_, id) => writer(id)));
        expect(acknowledged.size).toBeGreaterThan(20);
        expect(refused.length).toBeGreaterThanOrEqual(24);
        const names = async (): Promise<[string, string][]> => {
          const { body } = await send(transport, 'GET', configMaps);
          return body.items.map(({ metadata }: { metadata: { name: string; resourceVersion: string } }) => [
            metadata.name,
            metadata.resourceVersion,
          ]);
        };
        expect(new Map(await names())).toEqual(acknowledged);
        for (const name of refused) expect((await send(transport, 'GET', `${configMaps}/${name}`)).status).toBe(404);

        await server.command('free');
        const statuses: number[] = [];
        for (const name of ['again-1', 'again-2', 'again-3']) statuses.push(await create(name));
        expect(statuses).toEqual([201, 201, 201]);
        expect(new Map(await names())).toEqual(acknowledged);
        const told: [string, string][] = [];
        while (told.length < acknowledged.size) {
          const { value: event } = await watch.next();
          expect(event.type).toBe('ADDED');
          told.push([event.object.metadata.name, event.object.metadata.resourceVersion]);
        }
        expect(new Map(told)).toEqual(acknowledged);
        watch.stop();
      } finally {
        await server.kill();
        await transport.close();
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );
});
