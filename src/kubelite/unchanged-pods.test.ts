/** What takes a workload over changes metadata only. Whatever the kind: no pod is replaced, restarted or given another address. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { KubeList, KubeObject } from '../apimachinery/object.ts';
import { controllerOf } from '../apimachinery/owner-references.ts';
import {
  configMaps,
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '../kubernetes/resource-types.ts';
import type { Pod } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

const namespace = 'default';
let cluster: Kubelite;
let owner: KubeObject;
beforeAll(async () => {
  cluster = await startKubelite({ name: 'still', podReadyDelayMs: 5, nodes: 2 });
  owner = await cluster.client.resource(configMaps).create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'owner', namespace },
  } as never);
});
afterAll(() => cluster?.stop());

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(10)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

const template = (app: string, spec: object = {}, annotations: Record<string, string> = {}) => ({
  metadata: { labels: { app }, annotations },
  spec: { containers: [{ name: 'main', image: 'nginx:1.27' }], ...spec },
});
const replicated = (app: string, more: object = {}) => ({
  replicas: 2,
  selector: { matchLabels: { app } },
  template: template(app),
  ...more,
});
const jobTemplate = (app: string) =>
  template(app, { restartPolicy: 'Never', terminationGracePeriodSeconds: 0 }, { 'kubelite/duration': '1h' });

/** The kind, a spec by its pods' label, and how many pods it has. */
const cases: readonly (readonly [ResourceType, (app: string) => object, number])[] = [
  [deployments, replicated, 2],
  [replicaSets, replicated, 2],
  [replicationControllers, (app) => ({ replicas: 2, selector: { app }, template: template(app) }), 2],
  [statefulSets, (app) => replicated(app, { serviceName: 'x' }), 2],
  [daemonSets, (app) => ({ selector: { matchLabels: { app } }, template: template(app) }), 2],
  [jobs, (app) => ({ parallelism: 2, completions: 2, template: jobTemplate(app) }), 2],
  [
    cronJobs,
    (app) => ({
      schedule: '@every 1s',
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { template: jobTemplate(app) } },
    }),
    1,
  ],
  [pods, (app) => template(app).spec, 1],
];

describe('pods stay as they are when metadata changes', () => {
  it.each(cases.map((row) => [row[0].kind, ...row] as const))('of a %s', async (kind, type, specOf, count) => {
    const app = kind.toLowerCase();
    const ref = { namespace, name: app };
    const client = cluster.client.resource(type);
    const create = (name: string) =>
      client.create({
        apiVersion: type.group === '' ? 'v1' : `${type.group}/${type.version}`,
        kind,
        metadata: { namespace, name, labels: { app: name } },
        spec: specOf(name),
      } as never);
    const all = async (of: string) =>
      ((await cluster.client.resource<Pod>(pods).list({ namespace, labelSelector: `app=${of}` })) as KubeList<Pod>)
        .items;
    const ready = (of = app) =>
      until(`${count} ready pods`, async () => {
        const found = await all(of);
        const running = found.filter((pod) =>
          pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
        );
        return found.length === count && running.length === count && found;
      });
    const identity = (found: readonly Pod[]) =>
      found
        .map(({ metadata, status, spec: podSpec }) => [
          metadata.uid,
          controllerOf({ metadata })?.uid,
          podSpec?.nodeName,
          status?.podIP,
          status?.startTime,
          status?.containerStatuses?.map(({ restartCount, containerID }) => [restartCount, containerID]),
        ])
        .sort();
    await create(app);
    const before = identity(await ready());

    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid ?? '' }];
    const metadata = {
      labels: { 'work.karmada.io/name': 'x' },
      annotations: { 'work.karmada.io/namespace': 'y' },
      ownerReferences,
    };
    await client.patch(ref, 'merge', { metadata });
    for (const {
      metadata: { name = '', ownerReferences: own },
    } of await all(app))
      await cluster.client.resource(pods).patch({ namespace, name }, 'merge', {
        metadata: {
          labels: { seen: 'true' },
          annotations: { note: 'z' },
          ownerReferences: [...(own ?? []), ...ownerReferences],
        },
      });
    // What comes later is looked at later: when it has its pods, the controller has seen to the change.
    await create(`later-${app}`);
    await ready(`later-${app}`);
    expect(identity(await ready())).toEqual(before);
  });
});
