import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { expired } from '../apimachinery/status-error.ts';
import { configMaps, namespaces } from '../kubernetes/resource-types.ts';
import { type Client, createClient } from './client.ts';
import { ConnectionError } from './connection-error.ts';
import { createDiscovery } from './discovery.ts';
import type { Informer } from './informer.ts';
import { createInformerFactory } from './informer-factory.ts';
import type { Transport } from './transport.ts';

let api: TestApiServer;
let stop: AbortController;
beforeEach(async () => {
  api = await startApiServer();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await api.stop();
});

const configMap = (name: string, data: Record<string, string> = {}, namespace = 'default') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});
const create = (name: string, data?: Record<string, string>) =>
  api.client.resource<Unstructured>(configMaps).create(configMap(name, data) as never);
const inDefault = { namespace: 'default', fieldSelector: 'metadata.name!=kube-root-ca.crt' };

/** What the handlers have seen, as text. */
function record(informer: Informer): string[] {
  const seen: string[] = [];
  informer.addHandler({
    added: (object, initial) => seen.push(`added ${object.metadata.name}${initial ? ' initially' : ''}`),
    updated: (object, old) =>
      seen.push(`updated ${object.metadata.name} ${JSON.stringify(old['data'])}→${JSON.stringify(object['data'])}`),
    deleted: (object) => seen.push(`deleted ${object.metadata.name}`),
  });
  return seen;
}

/** A way to the server that can be cut, and that counts what goes over it. */
function cuttable(): {
  client: Client;
  requests: string[];
  cut(): void;
  mend(): void;
  refuseWatches(count: number): void;
} {
  const inner = api.server.localTransport();
  const requests: string[] = [];
  let down: AbortController | undefined = new AbortController();
  let refusals = 0;
  const transport: Transport = {
    async request(request) {
      if (down === undefined) throw new ConnectionError('connect ECONNREFUSED', { code: 'ECONNREFUSED' });
      const isWatch = request.path.includes('watch=true');
      requests.push(`${isWatch ? 'WATCH' : request.method} ${request.path}`);
      if (isWatch && refusals > 0) {
        refusals--;
        const line = Buffer.from(`${JSON.stringify({ type: 'ERROR', object: expired('too old').status })}\n`);
        return {
          status: 200,
          headers: {},
          body: (async function* () {
            yield line;
          })(),
        };
      }
      const signal = AbortSignal.any([down.signal, ...(request.signal === undefined ? [] : [request.signal])]);
      return inner.request({ ...request, signal });
    },
    close: () => inner.close(),
  };
  return {
    client: createClient(transport),
    requests,
    cut() {
      down?.abort(new ConnectionError('the connection was reset', { code: 'ECONNRESET' }));
      down = undefined;
    },
    mend() {
      down = new AbortController();
    },
    refuseWatches(count) {
      refusals = count;
      down?.abort(new ConnectionError('reset'));
      down = new AbortController();
    },
  };
}

describe('informer', () => {
  it('lists what is there, then follows every change in order', async () => {
    await create('a', { n: '1' });
    const factory = createInformerFactory(api.client);
    const informer = factory.informer(configMaps, inDefault);
    const seen = record(informer);
    expect(informer.synced).toBe(false);
    factory.start(stop.signal);
    await informer.whenSynced();
    expect(seen).toEqual(['added a initially']);
    const created = await create('b', { n: '1' });
    await api.client.resource(configMaps).update({ ...created, data: { n: '2' } });
    await api.client.resource(configMaps).delete({ namespace: 'default', name: 'a' });
    await vi.waitFor(() =>
      expect(seen).toEqual(['added a initially', 'added b', 'updated b {"n":"1"}→{"n":"2"}', 'deleted a']),
    );
    expect(informer.get('default/b')?.['data']).toEqual({ n: '2' });
    expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  it('hands out shared objects that nobody can change, without managedFields', async () => {
    await create('a');
    const factory = createInformerFactory(api.client);
    const informer = factory.informer(configMaps, inDefault);
    factory.start(stop.signal);
    await informer.whenSynced();
    const object = informer.get('default/a')!;
    expect(object.metadata.managedFields).toBeUndefined();
    expect(() => {
      (object.metadata as { name: string }).name = 'x';
    }).toThrow(TypeError);
  });

  it('keeps indexes up to date', async () => {
    const factory = createInformerFactory(api.client);
    const informer = factory.informer(configMaps, inDefault);
    informer.addIndex(
      'color',
      (object) => (object['data'] as { colors?: string } | undefined)?.colors?.split(',') ?? [],
    );
    factory.start(stop.signal);
    await informer.whenSynced();
    const made = await create('a', { colors: 'red,blue' });
    await create('b', { colors: 'blue' });
    const names = (color: string) => informer.byIndex('color', color).map(({ metadata }) => metadata.name);
    await vi.waitFor(() => expect(names('blue')).toEqual(['a', 'b']));
    expect(names('red')).toEqual(['a']);
    await api.client.resource(configMaps).update({ ...made, data: { colors: 'green' } });
    await vi.waitFor(() => expect(names('green')).toEqual(['a']));
    expect([names('red'), names('blue')]).toEqual([[], ['b']]);
    expect(() => informer.byIndex('shape', 'x')).toThrow('there is no index "shape"');
  });

  it('tells a late handler of everything that is there, and a removed one of nothing more', async () => {
    await create('a');
    const factory = createInformerFactory(api.client);
    const informer = factory.informer(configMaps, inDefault);
    factory.start(stop.signal);
    await informer.whenSynced();
    const seen: string[] = [];
    const remove = informer.addHandler({ added: (object) => seen.push(object.metadata.name!) });
    expect(seen).toEqual(['a']);
    remove();
    const other = record(informer);
    await create('b');
    await vi.waitFor(() => expect(other).toContain('added b'));
    expect(seen).toEqual(['a']);
  });

  it('goes on where it was when the connection breaks: nothing is lost, nothing is listed again', async () => {
    const line = cuttable();
    const factory = createInformerFactory(line.client, { baseDelay: 1, maxDelay: 5 });
    const informer = factory.informer(configMaps, inDefault);
    const seen = record(informer);
    factory.start(stop.signal);
    await informer.whenSynced();
    await create('a');
    await vi.waitFor(() => expect(seen).toEqual(['added a']));
    line.cut();
    await create('b');
    await api.client.resource(configMaps).delete({ namespace: 'default', name: 'a' });
    line.mend();
    await vi.waitFor(() => expect(seen).toEqual(['added a', 'added b', 'deleted a']));
    expect(line.requests.filter((request) => request.startsWith('GET'))).toHaveLength(1);
  });

  it('lists again when the history is gone, and reports only the differences', async () => {
    const line = cuttable();
    const factory = createInformerFactory(line.client, { baseDelay: 1, maxDelay: 5 });
    const informer = factory.informer(configMaps, inDefault);
    const seen = record(informer);
    await create('kept');
    await create('gone');
    const changed = await create('changed', { n: '1' });
    factory.start(stop.signal);
    await informer.whenSynced();
    line.cut();
    await api.client.resource(configMaps).delete({ namespace: 'default', name: 'gone' });
    await api.client.resource(configMaps).update({ ...changed, data: { n: '2' } });
    await create('new');
    line.mend();
    line.refuseWatches(1);
    await vi.waitFor(() =>
      expect(seen.slice(3).sort()).toEqual(['added new', 'deleted gone', 'updated changed {"n":"1"}→{"n":"2"}']),
    );
    expect(line.requests.filter((request) => request.startsWith('GET'))).toHaveLength(2);
  });

  it('reports an object that was replaced by another of its name as deleted and added', async () => {
    const line = cuttable();
    const factory = createInformerFactory(line.client, { baseDelay: 1, maxDelay: 5 });
    const informer = factory.informer(configMaps, inDefault);
    const seen = record(informer);
    await create('a');
    factory.start(stop.signal);
    await informer.whenSynced();
    line.cut();
    await api.client.resource(configMaps).delete({ namespace: 'default', name: 'a' });
    await create('a');
    line.mend();
    line.refuseWatches(1);
    await vi.waitFor(() => expect(seen).toEqual(['added a initially', 'deleted a', 'added a']));
  });

  it('is shared by all who ask for the same collection, and waits for a collection that is not served yet', async () => {
    const factory = createInformerFactory(api.client, { baseDelay: 1, maxDelay: 20 });
    expect(factory.informer(namespaces)).toBe(factory.informer(namespaces));
    expect(factory.informer(namespaces)).not.toBe(factory.informer(namespaces, { labelSelector: 'a=b' }));
    const missing = factory.informer({
      group: 'example.io',
      version: 'v1',
      resource: 'things',
      kind: 'Thing',
      namespaced: true,
    });
    factory.start(stop.signal);
    await factory.informer(namespaces).whenSynced();
    expect(missing.synced).toBe(false);
    const impatient = new AbortController();
    const waiting = missing.whenSynced(impatient.signal);
    impatient.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('survives a handler that throws', async () => {
    const factory = createInformerFactory(api.client);
    const informer = factory.informer(configMaps, inDefault);
    informer.addHandler({
      added() {
        throw new Error('a bug');
      },
    });
    const seen = record(informer);
    factory.start(stop.signal);
    await informer.whenSynced();
    await create('a');
    await vi.waitFor(() => expect(seen).toEqual(['added a']));
  });

  it('can keep metadata only', async () => {
    await create('a', { big: 'x' });
    const factory = createInformerFactory(api.client);
    const informer = factory.informer(configMaps, { ...inDefault, metadataOnly: true });
    factory.start(stop.signal);
    await informer.whenSynced();
    await create('b', { big: 'x' });
    await vi.waitFor(() => expect(informer.get('default/b')).toBeDefined());
    for (const object of informer.list()) {
      expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      expect(object['data']).toBeUndefined();
    }
  });
});

describe('discovery', () => {
  it('maps kinds to resources and back', async () => {
    const discovery = createDiscovery(api.client);
    const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
    expect(discovery.known(deployment)).toBeUndefined();
    expect(await discovery.resourceFor(deployment)).toMatchObject({ resource: 'deployments', namespaced: true });
    expect(discovery.known(deployment)).toBeDefined();
    expect(await discovery.byResource({ group: '', version: 'v1', resource: 'namespaces' })).toMatchObject({
      kind: 'Namespace',
      namespaced: false,
    });
    await expect(discovery.resourceFor({ group: 'apps', version: 'v1', kind: 'Nope' })).rejects.toThrow(
      'no matches for kind "Nope" in version "apps/v1"',
    );
    await expect(discovery.resourceFor({ group: 'x.io', version: 'v1', kind: 'Nope' })).rejects.toThrow(
      'no matches for kind "Nope" in version "x.io/v1"',
    );
  });

  it('lists everything without subresources, and finds what a user means', async () => {
    const discovery = createDiscovery(api.client);
    const { groupVersions, failed } = await discovery.serverResources();
    expect(failed).toEqual([]);
    const core = groupVersions.find(({ group }) => group === '')!;
    const names = core.resources.map(({ resource }) => resource);
    expect(names).toContain('configmaps');
    expect(names).toEqual([...names].sort());
    expect(names.filter((name) => name.includes('/'))).toEqual([]);
    for (const word of ['deploy', 'deployment', 'Deployments', 'deployments.apps', 'deployments.v1.apps']) {
      expect((await discovery.find(word))?.resource, word).toBe('deployments');
    }
    expect(await discovery.find('nonsense')).toBeUndefined();
  });

  it('asks in the old way where the server knows no aggregated discovery', async () => {
    const inner = api.server.localTransport();
    const transport: Transport = {
      request: (request) => inner.request({ ...request, headers: { ...request.headers, accept: 'application/json' } }),
      close: () => inner.close(),
    };
    const plain = await createDiscovery(createClient(transport)).serverResources();
    const aggregated = await createDiscovery(api.client).serverResources();
    const text = ({ groupVersions }: typeof plain) =>
      groupVersions
        .flatMap(({ group, version, resources }) =>
          resources.map(({ resource, kind, namespaced }) => `${group}/${version} ${resource} ${kind} ${namespaced}`),
        )
        .sort();
    expect(text(plain)).toEqual(text(aggregated));
  });
});
