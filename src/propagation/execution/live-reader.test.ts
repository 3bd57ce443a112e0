import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { createClient } from '../../client/client.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import { createLiveReader } from './live-reader.ts';

let api: TestApiServer;
beforeEach(async () => {
  api = await startApiServer();
});
afterEach(() => api.stop());

const configMap = (name: string, labels: Record<string, string> = {}): Unstructured => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels },
});

/** A reader of the server, and what it asked for. */
function reader() {
  const paths: string[] = [];
  const transport = api.server.localTransport();
  const client = createClient({
    request(request) {
      paths.push(request.path.replace('/api/v1/namespaces/default/configmaps', ''));
      return transport.request(request);
    },
    close: () => transport.close(),
  });
  const timers: (() => void)[] = [];
  let now = 0;
  const clock = {
    ...systemClock,
    now: () => now,
    setTimeout(call: () => void) {
      timers.push(call);
      return { cancel() {} };
    },
  };
  const read = createLiveReader(clock);
  return {
    paths,
    read: (name: string) => read('member1', client.resource(configMaps), configMap(name)),
    /** All that waits for a time. */
    later() {
      now += 10_000;
      for (const call of timers.splice(0)) call();
    },
  };
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `c${i}`);

describe('createLiveReader', () => {
  it('reads few objects one by one', async () => {
    await api.client.resource(configMaps).create(configMap('c0'));
    const { read, paths } = reader();
    expect((await read('c0'))?.metadata.name).toBe('c0');
    expect(await read('c1')).toBeUndefined();
    expect(paths).toEqual(['/c0', '/c1']);
  });

  it('reads many by one list of what others own, and answers each once', async () => {
    for (const name of names(30)) await api.client.resource(configMaps).create(configMap(name));
    const { read, paths } = reader();
    const found = await Promise.all(names(40).map(read));
    expect(found.map((object) => object?.metadata.name)).toEqual([...names(30), ...Array(10).fill(undefined)]);
    expect(paths).toHaveLength(9);
    await read('c20');
    await read('c35');
    expect(paths.slice(9)).toEqual(['/c20', '/c35']);
  });

  it('takes what is managed for absent: the write finds it', async () => {
    await api.client.resource(configMaps).create(configMap('c20', { 'karmada.io/managed': 'true' }));
    const { read } = reader();
    const found = await Promise.all(names(30).map(read));
    expect(found.every((object) => object === undefined)).toBe(true);
  });

  it('lists anew after a while, and goes back to single reads', async () => {
    const { read, paths, later } = reader();
    await Promise.all(names(20).map(read));
    await api.client.resource(configMaps).create(configMap('c0'));
    later();
    expect((await read('c0'))?.metadata.name).toBe('c0');
    expect(paths.at(-1)).toBe('/c0');
  });
});
