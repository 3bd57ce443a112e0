import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterRegistry, startClusterRegistry } from '../../test/support/cluster-registry.ts';
import { StatusError } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';

let registry: ClusterRegistry;
beforeAll(async () => {
  registry = await startClusterRegistry({ controllers: false });
});
afterAll(() => registry.stop());

const resource = () => registry.client.resource<Cluster>(clusters);

async function failure(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StatusError);
  return error as StatusError;
}

describe('a new Cluster', () => {
  it('has generation 1, no status, and the nine default resource models', async () => {
    const created = await resource().create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'fresh' },
      spec: { syncMode: 'Push' },
      status: { kubernetesVersion: 'v9' },
    });
    expect(created.metadata.generation).toBe(1);
    expect(created.status ?? {}).toEqual({});
    const models = created.spec.resourceModels ?? [];
    expect(models.map((model) => model.grade)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(models[0]?.ranges).toEqual([
      { name: 'cpu', min: '0', max: '1' },
      { name: 'memory', min: '0', max: '4Gi' },
    ]);
    expect(models[8]?.ranges).toEqual([
      { name: 'cpu', min: '128', max: '9223372036854775807' },
      { name: 'memory', min: '1Ti', max: '9223372036854775807' },
    ]);
  });

  it('has given models sorted and their ends opened, a deprecated zone moved, and NoExecute taints stamped', async () => {
    const range = (min: string, max: string) => [{ name: 'cpu', min, max }];
    const created = await registry.join('canonical', {
      zone: 'a',
      resourceModels: [
        { grade: 2, ranges: range('2', '4') },
        { grade: 1, ranges: range('1', '2') },
      ],
      taints: [
        { key: 'x', effect: 'NoExecute' },
        { key: 'y', effect: 'NoSchedule' },
      ],
    });
    expect(created.spec.zones).toEqual(['a']);
    expect(created.spec.zone).toBeUndefined();
    expect(created.spec.resourceModels).toEqual([
      { grade: 1, ranges: range('0', '2') },
      { grade: 2, ranges: range('2', '9223372036854775807') },
    ]);
    expect(created.spec.taints?.[0]?.timeAdded).toMatch(/Z$/);
    expect(created.spec.taints?.[1]?.timeAdded).toBeUndefined();
  });
});

describe('an update of a Cluster', () => {
  it('keeps the status, and moves the generation only with the spec', async () => {
    const created = await registry.join('updated');
    const withStatus = await resource().updateStatus({ ...created, status: { kubernetesVersion: 'v1.36.0' } });
    expect(withStatus.metadata.generation).toBe(1);
    const labelled = await resource().patch({ name: 'updated' }, 'merge', {
      metadata: { labels: { a: 'b' } },
      status: { kubernetesVersion: 'v0' },
    });
    expect(labelled.metadata.generation).toBe(1);
    expect(labelled.status?.kubernetesVersion).toBe('v1.36.0');
    const changed = await resource().patch({ name: 'updated' }, 'merge', { spec: { region: 'r' } });
    expect(changed.metadata.generation).toBe(2);
  });
});

describe('validation', () => {
  const model = (grade: number, ranges: [string, string, string][]) => ({
    grade,
    ranges: ranges.map(([name, min, max]) => ({ name, min, max })),
  });
  const end = '9223372036854775807';

  it.each<[string, string, Partial<Cluster['spec']>, string]>([
    ['a name that is too long', 'x'.repeat(49), {}, 'must be no more than 48 characters'],
    ['a name with a dot', 'a.b', {}, 'metadata.name: Invalid value: "a.b"'],
    ['no mode', 'c', { syncMode: '' as 'Push' }, 'spec.syncMode: Required value'],
    [
      'an unknown mode',
      'c',
      { syncMode: 'Other' as 'Push' },
      'spec.syncMode: Unsupported value: "Other": supported values: "Pull", "Push"',
    ],
    [
      'user information in the endpoint',
      'c',
      { apiEndpoint: 'https://u:p@h' },
      'user information is not permitted in the URL',
    ],
    ['a query in the endpoint', 'c', { apiEndpoint: 'https://h?x=1' }, 'query parameters are not permitted in the URL'],
    ['a fragment in the endpoint', 'c', { apiEndpoint: 'https://h#x' }, 'fragments are not permitted in the URL'],
    ['half a reference', 'c', { secretRef: { namespace: '', name: 'x' } }, 'spec.secretRef.namespace: Required value'],
    [
      'an unknown proxy scheme',
      'c',
      { proxyURL: 'ftp://h' },
      'unsupported scheme "ftp", must be http, https, or socks5',
    ],
    ['a region that is no label value', 'c', { region: 'not ok' }, 'spec.region: Invalid value: "not ok"'],
    ['zone and zones', 'c', { zone: 'a', zones: ['b'] }, 'Zone and Zones cannot co-exist'],
    [
      'a taint without effect',
      'c',
      { taints: [{ key: 'k', effect: '' as 'NoSchedule' }] },
      'spec.taints[0].effect: Required value',
    ],
    [
      'PreferNoSchedule',
      'c',
      { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] },
      'spec.taints[0].effect: Unsupported value: "PreferNoSchedule"',
    ],
    [
      'the same taint twice',
      'c',
      {
        taints: [
          { key: 'k', effect: 'NoSchedule' },
          { key: 'k', value: 'v', effect: 'NoSchedule' },
        ],
      },
      'spec.taints[1]: Duplicate value',
    ],
    [
      'equal grades',
      'c',
      { resourceModels: [model(1, [['cpu', '0', '1']]), model(1, [['cpu', '1', end]])] },
      'The grade of each models should not be the same',
    ],
    [
      'different numbers of resources',
      'c',
      {
        resourceModels: [
          model(0, [['cpu', '0', '1']]),
          model(1, [
            ['cpu', '1', end],
            ['memory', '0', end],
          ]),
        ],
      },
      'The number of resource types should be the same',
    ],
    [
      'an empty interval',
      'c',
      { resourceModels: [model(0, [['cpu', '0', '0']]), model(1, [['cpu', '0', end]])] },
      'The max value of each resource must be greater than the min value',
    ],
    [
      'different resources',
      'c',
      { resourceModels: [model(0, [['cpu', '0', '1']]), model(1, [['memory', '1', end]])] },
      'The resource types of each models should be the same',
    ],
    [
      'a gap',
      'c',
      { resourceModels: [model(0, [['cpu', '0', '1']]), model(1, [['cpu', '2', end]])] },
      'Model intervals for resources must be contiguous and non-overlapping',
    ],
  ])('refuses %s', async (_what, name, spec, message) => {
    const error = await failure(registry.join(name, spec));
    expect(error.code).toBe(422);
    expect(error.message).toContain(`Cluster.cluster.karmada.io "${name}" is invalid`);
    expect(error.message).toContain(message);
  });

  it('does not look at a status update', async () => {
    const created = await registry.join('free-status');
    await resource().updateStatus({ ...created, status: { conditions: [] } });
  });
});

describe('the table of Clusters', () => {
  it('has five columns, and five more for wide', async () => {
    await registry.join('shown', { zones: ['a', 'b'], provider: 'p' });
    const table = await registry.client.request<{
      columnDefinitions: { name: string; priority: number }[];
      rows: { cells: unknown[] }[];
    }>('GET', '/apis/cluster.karmada.io/v1alpha1/clusters/shown', {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table.columnDefinitions.map(({ name, priority }) => `${name}/${priority}`)).toEqual([
      'Name/0',
      'Version/0',
      'Mode/0',
      'Ready/0',
      'Age/0',
      'Zones/1',
      'Region/1',
      'Provider/1',
      'API-Endpoint/1',
      'Proxy-URL/1',
    ]);
    const cells = table.rows[0]?.cells ?? [];
    expect([...cells.slice(0, 4), ...cells.slice(5)]).toEqual([
      'shown',
      '',
      'Push',
      'Unknown',
      'a,b',
      '<none>',
      'p',
      'https://shown.invalid',
      '<none>',
    ]);
  });
});
