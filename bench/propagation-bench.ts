/**
 * Propagation in one process, API servers on memory stores: what a look-up of policies costs beside many others, and a
 * takeover of Deployments in two clusters, with its writes by kind. Two passes of a takeover tell the curve.
 */
import type { ResourceType } from '../src/apimachinery/group-version.ts';
import type { Unstructured } from '../src/apimachinery/object.ts';
import type { PropagationPolicy } from '../src/apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicies, resourceBindings, works } from '../src/apis/resource-types.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../src/client/client.ts';
import { deployments, events, namespaces } from '../src/kubernetes/resource-types.ts';
import { PolicyIndex } from '../src/propagation/detector/policy-index.ts';
import { eventually, settledRevision, startControlPlane } from '../test/support/control-plane.ts';
import type { Row } from './row.ts';

const clusters = ['member1', 'member2'];
const takeoverSizes = [100, 400];
const idlePolicies = [0, 100, 1000, 10_000];
const lookups = 200_000;

export async function benchPropagation(): Promise<Row[]> {
  const rows = idlePolicies.map(lookUp);
  for (const size of takeoverSizes) rows.push(...(await takeover(size, 0)));
  rows.push(...(await takeover(takeoverSizes[0] ?? 0, 1000)).slice(0, 1));
  return rows;
}

function policy(name: string, selector: PropagationPolicy['spec']['resourceSelectors'][number]): PropagationPolicy {
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace: 'bench' },
    spec: {
      conflictResolution: 'Overwrite',
      resourceSelectors: [selector],
      placement: { clusterAffinity: { clusterNames: clusters } },
    },
  };
}

const selector = { apiVersion: 'apps/v1', kind: 'Deployment' };

/** Policies that name other templates, or other labels, of the same kind and namespace. */
function idlePolicy(i: number): PropagationPolicy {
  const chosen = i % 2 === 0 ? { name: `other-${i}` } : { labelSelector: { matchLabels: { app: `other-${i}` } } };
  return policy(`idle-${i}`, { ...selector, ...chosen });
}

function lookUp(count: number): Row {
  const index = new PolicyIndex();
  for (let i = 0; i < count; i++) index.set(idlePolicy(i));
  for (let i = 0; i < 5; i++) index.set(policy(`matching-${i}`, selector));
  const template = deployment('app');
  let found = 0;
  const start = performance.now();
  for (let i = 0; i < lookups; i++) if (index.best(template)?.metadata.name === 'matching-0') found++;
  const micros = ((performance.now() - start) * 1000) / lookups;
  if (found !== lookups) throw new Error(`${lookups - found} look-ups found another policy`);
  return {
    name: `best policy beside ${count} that match nothing`,
    value: micros,
    unit: 'µs',
    how: `5 policies match; half of the others by name, half by label, same kind and namespace; mean of ${lookups}`,
  };
}

function deployment(name: string): Unstructured {
  const labels = { app: name };
  const containers = [{ name: 'app', image: 'nginx:latest' }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'bench', labels },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}

async function takeover(size: number, idle: number): Promise<Row[]> {
  const plane = await startControlPlane(clusters);
  try {
    const members = [...plane.members.values()].map(({ client }) => client);
    for (const client of [plane.client, ...members]) {
      await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } });
      for (let i = 0; i < size; i++) await client.resource(deployments).create(deployment(`app-${i}`));
    }
    const policies = plane.client.resource<PropagationPolicy>(propagationPolicies);
    for (let i = 0; i < idle; i++) await policies.create(idlePolicy(i));
    const controllers = await plane.startControllers();
    await settledRevision(plane.api);

    const stop = new AbortController();
    const kinds: [string, Client, ResourceType, string | undefined][] = [
      ['templates', plane.client, deployments, 'bench'],
      ['bindings', plane.client, resourceBindings, 'bench'],
      ['Works', plane.client, works, undefined],
      ...members.map((client): [string, Client, ResourceType, string] => [
        'member objects',
        client,
        deployments,
        'bench',
      ]),
      ['Events', plane.client, events, undefined],
    ];
    const counts = new Map<string, number>();
    const watches = await Promise.all(
      kinds.map(([name, client, type, namespace]) =>
        count(client, type, namespace, stop.signal, () => counts.set(name, (counts.get(name) ?? 0) + 1)),
      ),
    );
    const cpu = process.cpuUsage();
    const start = performance.now();
    await policies.create(policy('takeover', selector));
    const bindings = plane.client.resource<ResourceBinding>(resourceBindings);
    await eventually(async () => {
      const { items } = await bindings.list({ namespace: 'bench' });
      const done = items.filter(({ status }) =>
        status?.conditions?.some((condition) => condition.type === 'FullyApplied' && condition.status === 'True'),
      ).length;
      if (done < size) throw new Error(`${done} of ${size} are fully applied`);
    }, 120_000);
    const seconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    await settledRevision(plane.api);
    stop.abort();
    await Promise.all(watches.map(({ ended }) => ended));
    await controllers.stop();
    const beside = idle === 0 ? '' : ` beside ${idle} idle policies`;
    const how = `one policy with Overwrite, ${clusters.length} clusters; controllers, scheduler and three API servers in one process`;
    const told = [...counts].filter(([name]) => name !== 'Events');
    const objects = told.reduce((sum, [, writes]) => sum + writes, 0);
    return [
      { name: `takeover of ${size}${beside}: until FullyApplied`, value: size / seconds, unit: 'objects/s', how },
      {
        name: `takeover of ${size}: CPU per object`,
        value: (used.user + used.system) / 1000 / size,
        unit: 'ms',
        how: 'of the whole process, servers and this watcher included',
      },
      {
        name: `takeover of ${size}: object writes per object`,
        value: objects / size,
        unit: 'writes',
        how: told.map(([name, writes]) => `${name} ${(writes / size).toFixed(1)}`).join(', '),
      },
      {
        name: `takeover of ${size}: Events per object`,
        value: (counts.get('Events') ?? 0) / size,
        unit: 'writes',
        how: 'creates and patches; dropped ones are not counted',
      },
    ];
  } finally {
    await plane.stop();
  }
}

/** Calls back for every change from now on. */
async function count(
  client: Client,
  type: ResourceType,
  namespace: string | undefined,
  signal: AbortSignal,
  changed: () => void,
): Promise<{ ended: Promise<void> }> {
  const scope = namespace === undefined ? {} : { namespace };
  const { resourceVersion } = (await client.resource(type).list({ ...scope, limit: 1 })).metadata;
  const follow = async (): Promise<void> => {
    try {
      for await (const event of client.resource(type).watch({ ...scope, resourceVersion, signal }))
        if (event.type !== 'BOOKMARK') changed();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  return { ended: follow() };
}
