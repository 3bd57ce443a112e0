import { createDecipheriv } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWatch, type Reply, send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { silentLogger } from '../../component/logging.ts';
import { createMemoryStore } from '../../storage/memory/memory-store.ts';
import type { Store } from '../../storage/store.ts';
import { parseEncryptionConfiguration } from './configuration.ts';
import { createEncryptedStore, type EncryptedStore } from './encrypted-store.ts';
import { followEncryptionFile } from './reload.ts';

const secretOf = (byte: number, length = 32): Buffer => Buffer.alloc(length, byte);
const keyText = (name: string, byte: number): string =>
  `{ name: ${name}, secret: ${secretOf(byte).toString('base64')} }`;

/** `providers` in YAML's flow form. */
const configText = (resources: string, ...providers: string[]): string => `
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [${resources}]
    providers:
${providers.map((provider) => `      - ${provider}`).join('\n')}
`;
const cbc = (...keys: string[]): string => `aescbc: { keys: [${keys.join(', ')}] }`;
const gcm = (...keys: string[]): string => `aesgcm: { keys: [${keys.join(', ')}] }`;
const identity = 'identity: {}';
const config = (...args: Parameters<typeof configText>) => parseEncryptionConfiguration(configText(...args));
const key1 = keyText('key1', 1);
const key2 = keyText('key2', 2);

describe('the configuration', () => {
  it.each([
    ['secrets, configmaps', ['/secrets', '/configmaps'], ['/pods', 'apps/secrets']],
    ['pandas.awesome.bears.example', ['awesome.bears.example/pandas'], ['/pandas', 'example/pandas']],
    ["'*.apps'", ['apps/deployments'], ['/secrets', 'batch/jobs']],
    ["'*.'", ['/secrets', '/events'], ['apps/deployments']],
    ["'*.*'", ['/secrets', 'apps/deployments'], []],
  ])('of %s covers no more than that', (resources, covered, not) => {
    const { providersOf } = config(resources, identity);
    const known = (name: string): boolean => {
      const [group = '', resource = ''] = name.split('/');
      return providersOf(group, resource) !== undefined;
    };
    expect(covered.filter((name) => !known(name))).toEqual([]);
    expect(not.filter(known)).toEqual([]);
  });

  it('goes by the first entry that names a resource', () => {
    const text = `${configText('secrets', identity)}${configText("'*.*'", cbc(key1)).split('resources:\n')[1]}`;
    const { providersOf } = parseEncryptionConfiguration(text);
    expect(providersOf('', 'secrets')?.[0]?.kind).toBe('identity');
    expect(providersOf('', 'configmaps')?.[0]?.kind).toBe('aescbc');
  });

  it.each([
    ['secretbox', configText('secrets', `secretbox: { keys: [${key1}] }`), 'provider secretbox cannot be used here'],
    ['kms', configText('secrets', 'kms: { name: a, endpoint: unix:///x }'), 'provider kms cannot be used here'],
    ['an unknown provider', configText('secrets', 'rot13: {}'), 'resources[0].providers[0]: unknown provider "rot13"'],
    ['two in one', configText('secrets', `{ ${identity}, ${cbc(key1)} }`), 'more than one provider specified'],
    ['no key', configText('secrets', cbc()), 'resources[0].providers[0].aescbc.keys: a list with at least one element'],
    ['a short key', configText('secrets', cbc('{ name: a, secret: YWJj }')), 'got 3, expected one of [16 24 32]'],
    ['no base64', configText('secrets', gcm('{ name: a, secret: "%%" }')), 'secrets must be base64 encoded'],
    ['a nameless key', configText('secrets', cbc('{ secret: YWJj }')), 'keys[0].name: name is a mandatory field'],
    ['one name twice', configText('secrets', cbc(key1, key1)), 'there are two keys of the same name'],
    ['one resource twice', configText('secrets, secrets', identity), 'cannot be specified multiple times'],
    ['what is masked', configText("secrets, '*.'", identity), 'will be masked'],
    ['capitals', configText('Secrets', identity), 'should not contain capital letters'],
    ['a bare star', configText("'*'", identity), "use '*.' to encrypt all"],
    [
      'an unknown field',
      configText('secrets', 'aescbc: { key: 1 }'),
      'resources[0].providers[0].aescbc: unknown field "key"',
    ],
    ['another kind', 'kind: Policy\napiVersion: v1', 'expected EncryptionConfiguration'],
    ['no YAML', '{', 'is no YAML'],
  ])('is refused with %s', (_what, text, message) => {
    expect(() => parseEncryptionConfiguration(text)).toThrow(message);
  });
});

describe('a server that encrypts', () => {
  let inner: Store;
  let store: EncryptedStore;
  let test: TestApiServer;
  const secrets = '/api/v1/namespaces/default/secrets';
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Reply> =>
    send(test.server.localTransport(), method, path, body === undefined ? {} : { body });
  const create = (name: string, path = secrets): Promise<Reply> =>
    call('POST', path, { metadata: { name }, ...(path === secrets ? { stringData: { a: 'hidden' } } : { data: {} }) });
  const stored = async (name: string): Promise<string> =>
    (await inner.get(`/registry/core/secrets/default/${name}`))?.value.toString('latin1') ?? '';

  beforeEach(async () => {
    inner = createMemoryStore();
    store = createEncryptedStore(inner, config('secrets', cbc(key1), identity));
    test = await startApiServer({ store });
  });
  afterEach(async () => {
    await test.stop();
    await inner.close();
  });

  it('keeps what is named in upstream’s form, and the rest as it is', async () => {
    await create('s');
    await create('c', configMaps);
    const bytes = Buffer.from(await stored('s'), 'latin1');
    const header = 'k8s:enc:aescbc:v1:key1:';
    expect(bytes.toString('latin1', 0, header.length)).toBe(header);
    const iv = bytes.subarray(header.length, header.length + 16);
    const decipher = createDecipheriv('aes-256-cbc', secretOf(1), iv);
    const plain = Buffer.concat([decipher.update(bytes.subarray(header.length + 16)), decipher.final()]);
    expect(JSON.parse(plain.toString())).toMatchObject({ kind: 'Secret', metadata: { name: 's' } });
    expect(bytes.includes('aGlkZGVu')).toBe(false);
    expect((await inner.get('/registry/core/configmaps/default/c'))?.value[0]).toBe('{'.charCodeAt(0));
  });

  it('reads, lists and watches as if nothing were encrypted', async () => {
    const watch = await openWatch(test.server.localTransport(), `${secrets}?watch=true&resourceVersion=0`);
    const { body } = await create('s');
    expect((await watch.next()).value).toEqual({ type: 'ADDED', object: body });
    watch.stop();
    expect((await call('GET', `${secrets}/s`)).body).toEqual(body);
    await call('PUT', `${secrets}/s`, { ...body, data: { a: 'Yg==' } });
    const old = await call(
      'GET',
      `${secrets}?resourceVersion=${body.metadata.resourceVersion}&resourceVersionMatch=Exact`,
    );
    expect(old.body.items[0].data).toEqual({ a: 'aGlkZGVu' });
    expect((await create('s')).status).toBe(409);
  });

  it('binds a value to its key with aesgcm', async () => {
    store.use(config('secrets', gcm(key1)));
    await create('s');
    const taken = await inner.get('/registry/core/secrets/default/s');
    await inner.txn([], [{ key: '/registry/core/secrets/default/t', value: taken?.value as Buffer }]);
    expect((await call('GET', `${secrets}/s`)).status).toBe(200);
    const moved = await call('GET', `${secrets}/t`);
    expect([moved.status, moved.body.message]).toEqual([
      500,
      'Internal error occurred: unable to transform key "/registry/core/secrets/default/t": the key "key1" of provider aesgcm does not decrypt it',
    ]);
  });

  it('moves an object to the first key when it is written, even if nothing changes', async () => {
    const { body } = await create('s');
    const before = await stored('s');
    expect((await call('PUT', `${secrets}/s`, body)).body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    expect(await stored('s')).toBe(before);
    store.use(config('secrets', gcm(key2), cbc(key1), identity));
    expect((await call('GET', `${secrets}/s`)).body).toEqual(body);
    const { body: moved } = await call('PUT', `${secrets}/s`, body);
    expect(await stored('s')).toMatch(/^k8s:enc:aesgcm:v1:key2:/);
    expect(Number(moved.metadata.resourceVersion)).toBeGreaterThan(Number(body.metadata.resourceVersion));
    // And back to plain.
    store.use(config('secrets', identity, gcm(key2)));
    await send(test.server.localTransport(), 'PATCH', `${secrets}/s`, {
      body: {},
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(await stored('s')).toMatch(/^\{/);
  });

  it('tells who asks for an object whose key is missing, and nobody else', async () => {
    await create('lost');
    await call('POST', '/api/v1/namespaces/kube-public/secrets', { metadata: { name: 'kept' } });
    await test.stop();
    const others = config('secrets', gcm(key2), identity);
    await inner.txn(
      [],
      [{ key: '/registry/core/secrets/kube-public/kept', value: await plainOf('kube-public', 'kept') }],
    );
    store = createEncryptedStore(inner, others);
    test = await startApiServer({ store });
    const message =
      'Internal error occurred: unable to transform key "/registry/core/secrets/default/lost": it is encrypted with the key "key1" of provider aescbc, which the encryption configuration does not have for it';
    for (const path of [`${secrets}/lost`, secrets, '/api/v1/secrets'])
      expect([path, (await call('GET', path)).body]).toEqual([
        path,
        expect.objectContaining({ code: 500, reason: 'InternalError', message }),
      ]);
    for (const method of ['PUT', 'DELETE'] as const)
      expect(
        (await call(method, `${secrets}/lost`, method === 'PUT' ? { metadata: { name: 'lost' } } : undefined)).status,
      ).toBe(500);
    const watch = await openWatch(test.server.localTransport(), `${secrets}?watch=true&resourceVersion=0`);
    expect((await watch.next()).value).toMatchObject({ type: 'ERROR', object: { code: 500, message } });
    watch.stop();
    expect((await create('lost')).status).toBe(500);
    expect((await create('new')).status).toBe(201);
    expect((await call('GET', '/api/v1/namespaces/kube-public/secrets')).body.items).toHaveLength(1);
    expect((await call('GET', `${secrets}/new`)).status).toBe(200);
    expect((await create('c', configMaps)).status).toBe(201);
    // The key is found again.
    store.use(config('secrets', gcm(key2), cbc(key1), identity));
    await expect.poll(async () => (await call('GET', `${secrets}/lost`)).body.data).toEqual({ a: 'aGlkZGVu' });
    expect((await call('GET', secrets)).body.items).toHaveLength(2);
  });

  it('without a configuration says that it has none', async () => {
    await create('s');
    const plain = await startApiServer({ store: inner });
    const { body } = await send(plain.server.localTransport(), 'GET', `${secrets}/s`);
    expect(body.message).toContain('it is encrypted, and no encryption configuration is in use for it');
    await plain.stop();
  });

  it('reads what is not encrypted only if identity is among the providers', async () => {
    store.use(config('secrets', identity));
    await create('s');
    await test.stop();
    store = createEncryptedStore(inner, config('secrets', cbc(key1)));
    test = await startApiServer({ store });
    expect((await call('GET', `${secrets}/s`)).body.message).toContain('has no identity provider for it');
  });

  it('takes up a changed file, and keeps the one before when it is not valid', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'encryption-'));
    const path = join(directory, 'config.yaml');
    const waits: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep(ms, signal) {
        waits.push(ms);
        return systemClock.sleep(5, signal);
      },
    };
    const stop = new AbortController();
    const text = configText('secrets', cbc(key1), identity);
    writeFileSync(path, text);
    const done = followEncryptionFile({ path, text, store, logger: silentLogger, signal: stop.signal, clock });
    /** Changes the file, and waits until it has been looked at. */
    const change = async (content: string): Promise<void> => {
      writeFileSync(path, content);
      const before = waits.length;
      await expect.poll(() => waits.length).toBeGreaterThan(before + 1);
    };
    await change('nonsense');
    await create('a');
    expect(await stored('a')).toMatch(/^k8s:enc:aescbc:v1:key1:/);
    await change(configText('secrets', cbc(key2, key1), identity));
    await create('b');
    expect(await stored('b')).toMatch(/^k8s:enc:aescbc:v1:key2:/);
    expect(new Set(waits)).toEqual(new Set([1000]));
    stop.abort();
    await done;
    rmSync(directory, { recursive: true });
  });

  async function plainOf(namespace: string, name: string): Promise<Buffer> {
    return (await store.get(`/registry/core/secrets/${namespace}/${name}`))?.value as Buffer;
  }
});
