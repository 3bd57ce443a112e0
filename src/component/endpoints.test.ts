import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseBindAddress } from './bind-address.ts';
import { serveEndpoints } from './endpoints.ts';
import { createHealth } from './health.ts';
import { createLookup } from './host-lookup.ts';
import { createLogger } from './logging.ts';
import { counter, createRegistry } from './metrics.ts';

describe('endpoints', () => {
  it('tells readiness apart from health, and shows metrics', async () => {
    const health = createHealth();
    const registry = createRegistry();
    counter(registry, 'things_total', 'Things.', ['kind']).inc({ kind: 'a' });
    let ready = false;
    health.add('informers', 'ready', () => {
      if (!ready) throw new Error('not synced');
    });
    const endpoints = await serveEndpoints({
      healthAddress: '127.0.0.1:0',
      metricsAddress: '127.0.0.1:0',
      health,
      registry,
    });
    try {
      const at = `http://127.0.0.1:${endpoints.health!.port}`;
      expect(endpoints.metrics).toEqual(endpoints.health);
      const get = async (path: string) => {
        const response = await fetch(at + path);
        return { status: response.status, text: await response.text() };
      };
      expect(await get('/healthz')).toEqual({ status: 200, text: 'ok' });
      expect(await get('/livez')).toEqual({ status: 200, text: 'ok' });
      expect(await get('/readyz')).toEqual({
        status: 500,
        text: '[+]ping ok\n[-]informers failed: reason withheld\nreadyz check failed\n',
      });
      expect((await get('/readyz?exclude=informers')).status).toBe(200);
      ready = true;
      expect((await get('/readyz?verbose')).text).toBe('[+]ping ok\n[+]informers ok\nreadyz check passed\n');
      expect((await get('/readyz/informers')).text).toBe('ok');
      expect((await get('/metrics')).text).toContain('things_total{kind="a"} 1');
      expect((await get('/metrics')).text).toMatch(/^karmada_build_info\{git_version="v1.19.0",.*} 1$/m);
      expect((await get('/other')).status).toBe(404);
    } finally {
      await endpoints.stop();
    }
  });

  it.each([
    [':8080', { host: undefined, port: 8080 }],
    ['0.0.0.0:10351', { host: '0.0.0.0', port: 10351 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['0', undefined],
  ])('reads the address %s', (text, expected) => expect(parseBindAddress(text)).toEqual(expected));

  it.each(['8080', 'a:b', ':70000'])('refuses the address %s', (text) =>
    expect(() => parseBindAddress(text)).toThrow(),
  );
});

describe('createLookup', () => {
  const resolve = (lookup: ReturnType<typeof createLookup>, name: string) =>
    new Promise<unknown>((done, fail) => lookup(name, {}, (error, address) => (error ? fail(error) : done(address))));

  it('answers from the hosts file, re-reads it, and falls back to the system', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hosts-'));
    try {
      const file = join(directory, 'hosts');
      const lookup = createLookup(file);
      await expect(resolve(lookup, 'api.karmada-system.svc')).rejects.toThrow();
      writeFileSync(file, '# names\n127.7.0.1 api.karmada-system.svc api # end\n');
      expect(await resolve(lookup, 'api.karmada-system.svc')).toBe('127.7.0.1');
      expect(await resolve(lookup, 'API.karmada-system.svc.cluster.local.')).toBe('127.7.0.1');
      writeFileSync(`${file}.new`, '127.7.0.2 api.karmada-system.svc\n');
      renameSync(`${file}.new`, file);
      expect(await resolve(lookup, 'api.karmada-system.svc')).toBe('127.7.0.2');
      expect(await resolve(lookup, 'localhost')).toMatch(/^127|^::1/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('createLogger', () => {
  it('writes one line per event with stable keys, at the chosen verbosity', () => {
    const lines: string[] = [];
    const logger = createLogger('karmada-scheduler', { v: 0, write: (line) => lines.push(line) }).child({
      controller: 'x',
    });
    logger.info('Started\nwell', { key: 'a/b' });
    logger.debug('hidden');
    logger.error('Failed', { err: new Error('top', { cause: new Error('root') }) });
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'info',
      component: 'karmada-scheduler',
      controller: 'x',
      key: 'a/b',
      msg: 'Started\nwell',
    });
    expect(JSON.parse(lines[1]!)).toMatchObject({ level: 'error', err: 'top: root' });
    expect(lines[0]!.trimEnd()).not.toContain('\n');
  });

  it('can write text', () => {
    const lines: string[] = [];
    createLogger('c', { format: 'text', write: (line) => lines.push(line) }).info('Done', { key: 'a' });
    expect(lines[0]).toMatch(/^\S+Z INFO {2}c: Done key="a"\n$/);
  });
});
