import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cluster, run } from '../fixtures.test-support.ts';
import { allPlugins } from '../plugins/registry.ts';
import { selectPlugins } from './framework.ts';
import { loadPluginModules } from './plugin-modules.ts';

const example = fileURLToPath(new URL('../../../examples/scheduler-plugins/prefer-cheap.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'plugins-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let written = 0;
const moduleOf = (text: string): string => {
  const path = join(folder, `plugin-${written++}.mjs`);
  writeFileSync(path, text);
  return path;
};

const labelled = (name: string, labels: Record<string, string>) => {
  const object = cluster(name);
  return { ...object, metadata: { ...object.metadata, labels } };
};
const clusters = [
  labelled('m1', { 'example.io/price': '80' }),
  labelled('m2', { 'example.io/price': '20' }),
  labelled('m3', { 'example.io/price': '1', 'example.io/repair': 'true' }),
];
const oneCluster = { spreadConstraints: [{ spreadByField: 'cluster' as const, minGroups: 1, maxGroups: 1 }] };

describe('plugins of one’s own', () => {
  it('filter and score beside the others, as the example does', async () => {
    const own = await loadPluginModules([example], allPlugins);
    const plugins = [...allPlugins, ...own];
    expect(run(oneCluster, { replicas: 1 }, clusters, { plugins })).toBe('m2 1');
    expect(run(oneCluster, { replicas: 1 }, clusters.slice(2), { plugins })).toBe(
      '0/1 clusters are available: 1 cluster(s) were under repair.',
    );
  });

  it('are enabled and disabled by --plugins like all others', async () => {
    const plugins = [...allPlugins, ...(await loadPluginModules([example], allPlugins))];
    const without = selectPlugins(plugins, ['*', '-PreferCheap', '-NotUnderRepair']);
    expect(without.map(({ name }) => name)).toEqual(allPlugins.map(({ name }) => name));
    expect(selectPlugins(plugins, ['-Nobody', 'PreferCheap']).map(({ name }) => name)).toEqual(['PreferCheap']);
    expect(run(oneCluster, { replicas: 1 }, clusters, { plugins: without })).toBe('m1 1');
  });

  it('fail the run with their name when a score throws, and refuse the cluster when a filter does', async () => {
    const throwing = (hook: string) =>
      loadPluginModules(
        [moduleOf(`export const plugins = [{ name: 'Bad', ${hook}() { throw new Error('oops') } }]`)],
        [],
      );
    expect(run({}, { replicas: 1 }, clusters, { plugins: await throwing('score') })).toBe(
      'failed to prioritize clusters: plugin "Bad" failed with: oops',
    );
    expect(run({}, { replicas: 1 }, clusters, { plugins: await throwing('score: () => 1, normalizeScore') })).toBe(
      'failed to prioritize clusters: plugin "Bad" normalizeScore failed with: oops',
    );
    expect(run({}, { replicas: 1 }, clusters, { plugins: await throwing('filter') })).toBe(
      '0/3 clusters are available: 3 oops.',
    );
  });

  it.each([
    ['export const plugin = 1', /does not export an array "plugins"/],
    ['export const plugins = [{ name: "X" }]', /X has neither filter nor score/],
    ['export const plugins = [{ filter() {} }]', /its name is not a word/],
    ['export const plugins = [{ name: "X", score: 1 }]', /X\.score is not a function/],
    ['export const plugins = [{ name: "TaintToleration", filter() {} }]', /TaintToleration: the name is taken/],
    ['this is no module', /cannot load the plugin module/],
  ])('%s is refused', async (text, message) => {
    await expect(loadPluginModules([moduleOf(text)], allPlugins)).rejects.toThrow(message);
  });
});
