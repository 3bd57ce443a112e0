import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import { gvkOf, type ResourceType } from '../apimachinery/group-version.ts';
import { cloneJson, objectKey, refKey, type Unstructured } from '../apimachinery/object.ts';
import { bindingName, workName } from '../apis/naming.ts';
import { pruneManifest } from '../apis/prune-manifest.ts';
import {
  clusterPropagationPolicies,
  clusterResourceBindings,
  resourceBindings,
  works,
} from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Transport } from '../client/transport.ts';
import { events, pods } from '../kubernetes/resource-types.ts';
import { type TakeoverKind, takeoverKinds } from './testing/takeover-kinds.ts';

/**
 * One object of every kind in each state, all taken over by one policy in one go, in a cluster with workload controllers. What
 * must hold for all of them: no delete reaches the member, and no Pod is made anew, restarted or of another template.
 */
type State = 'identical' | 'metadata' | 'inplace' | 'immutable';
const states: readonly State[] = ['identical', 'metadata', 'inplace', 'immutable'];

interface Case {
  of: TakeoverKind;
  state: State;
  type: ResourceType;
  ref: { name: string; namespace?: string };
  template: Unstructured;
  inMember: Unstructured;
  refused: string;
}

const workloads = ['Deployment', 'ReplicaSet', 'ReplicationController', 'StatefulSet'];

const cases = takeoverKinds.flatMap((of) => states.flatMap((state) => caseOf(of, state) ?? []));

function caseOf(of: TakeoverKind, state: State): Case | undefined {
  const { refused = '', ...immutable } = of.immutable ?? {};
  const own = of.named?.(state);
  const differing = state === 'inplace' ? of.inPlace : state === 'immutable' ? immutable : of.fields;
  if (own === undefined && (differing === undefined || (state === 'immutable' && of.immutable === undefined))) return;
  if (own !== undefined && state === 'immutable') return;
  const name = own?.name ?? `${of.kind.toLowerCase()}-${state}`;
  const ref = { name, ...(of.clusterScoped ? {} : { namespace: 'default' }) };
  const make = (fields: object, metadata: object): Unstructured =>
    cloneJson({ apiVersion: of.apiVersion, kind: of.kind, metadata: { ...ref, ...metadata }, ...fields });
  const labels = { matrix: 'yes', ...(state === 'metadata' ? { tier: 'new' } : {}) };
  const foreign =
    state === 'metadata'
      ? {
          labels: { matrix: 'yes', team: 'a', tier: 'old' },
          annotations: { note: 'mine' },
          finalizers: ['example.io/kept'],
        }
      : { labels: { matrix: 'yes' } };
  const templateFields = own === undefined ? of.fields : of.named?.('') && own.fields;
  return {
    of,
    state,
    ref,
    refused,
    type: { ...gvkOf(of), resource: of.resource, namespaced: !of.clusterScoped },
    template: make(state === 'inplace' && own !== undefined ? withoutShortNames(own.fields) : (templateFields ?? {}), {
      labels,
    }),
    inMember: make(own?.fields ?? differing ?? {}, foreign),
  };
}

function withoutShortNames(fields: Record<string, unknown>): Record<string, unknown> {
  const copy = cloneJson(fields) as { spec: { names: { shortNames: string[] } } };
  copy.spec.names.shortNames = [];
  return copy as unknown as Record<string, unknown>;
}

describe('takeover matrix', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> };
  /** What the controllers sent to the member, reads left out. */
  const sent: { method: string; path: string }[] = [];
  const before = new Map<string, Unstructured>();
  let podsBefore: unknown;

  beforeAll(async () => {
    plane = await startControlPlane(['member1'], { kubelites: true });
    const member = plane.memberClient('member1');
    for (const each of cases) await member.resource(each.type).create(each.inMember);
    podsBefore = await eventually(async () => {
      // A StatefulSet makes its second Pod when the first is Ready.
      for (const each of cases) {
        const { spec, status } = (await member.resource(each.type).get(each.ref)) as unknown as {
          spec?: { replicas?: number };
          status?: { readyReplicas?: number };
        };
        if (workloads.includes(each.of.kind))
          expect(status?.readyReplicas ?? 0, each.ref.name).toBe(spec?.replicas ?? 1);
      }
      const found = await podFacts();
      expect(found.length).toBeGreaterThan(20);
      expect(found.filter((pod) => !pod.started)).toEqual([]);
      return found;
    }, 30_000);
    for (const each of cases) before.set(keyOf(each), await member.resource(each.type).get(each.ref));
    for (const each of cases) await plane.client.resource(each.type).create(each.template);
    controllers = await plane.startControllers({ through: recorded });
    await plane.client.resource(clusterPropagationPolicies).create({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterPropagationPolicy',
      metadata: { name: 'everything' },
      spec: {
        conflictResolution: 'Overwrite',
        placement: { clusterAffinity: { clusterNames: ['member1'] } },
        resourceSelectors: takeoverKinds.map(({ apiVersion, kind }) => ({
          apiVersion,
          kind,
          labelSelector: { matchLabels: { matrix: 'yes' } },
        })),
      },
    } as never);
    await eventually(async () => {
      // One list of each: a round of single reads may take longer than the patience on a busy machine.
      const [allWorks, bindings, clusterBindings] = await Promise.all([
        plane.client.resource<Work>(works).list({ namespace: 'karmada-es-member1' }),
        plane.client.resource<ResourceBinding>(resourceBindings).list({}),
        plane.client.resource<ResourceBinding>(clusterResourceBindings).list({}),
      ]);
      const workByName = new Map(allWorks.items.map((work) => [work.metadata.name, work]));
      const bindingByKey = new Map(
        [...bindings.items, ...clusterBindings.items].map((each) => [objectKey(each), each]),
      );
      const open: string[] = [];
      for (const each of cases) {
        const { name, namespace = '' } = each.ref;
        const work = workByName.get(workName(each.of.kind, name, namespace));
        const condition = findCondition(work?.status?.conditions, 'Applied');
        const expected = each.state === 'immutable' ? 'False' : 'True';
        const binding = bindingByKey.get(refKey({ namespace, name: bindingName(each.of.kind, name) }));
        const told = binding?.status?.aggregatedStatus?.[0];
        const back = told?.applied === true || told?.appliedMessage !== undefined;
        if (condition?.status !== expected || !back)
          open.push(`${keyOf(each)}: ${condition?.message ?? 'nothing yet'}`);
      }
      expect(open).toEqual([]);
    }, 45_000);
    await controllers.stop();
  }, 120_000);
  afterAll(() => plane.stop());

  function recorded(transport: Transport, member?: string): Transport {
    if (member === undefined) return transport;
    return {
      request(request) {
        if (request.method !== 'GET') sent.push({ method: request.method, path: request.path.replace(/\?.*/, '') });
        return transport.request(request);
      },
      close: () => transport.close(),
    };
  }
  const keyOf = ({ of, ref }: Case): string => `${of.kind} ${ref.name}`;
  const workOf = ({ of, ref }: Case) =>
    plane.client
      .resource<Work>(works)
      .get({ namespace: 'karmada-es-member1', name: workName(of.kind, ref.name, ref.namespace) });
  const bindingOf = ({ of, ref }: Case) =>
    plane.client
      .resource<ResourceBinding>(of.clusterScoped ? clusterResourceBindings : resourceBindings)
      .get({ ...(ref.namespace ? { namespace: ref.namespace } : {}), name: bindingName(of.kind, ref.name) });
  const podFacts = async () =>
    (await plane.memberClient('member1').resource(pods).list({ namespace: 'default' })).items
      .map((pod) => {
        const status = pod['status'] as {
          phase?: string;
          containerStatuses?: { restartCount: number; containerID?: string }[];
        };
        return {
          name: pod.metadata.name ?? '',
          uid: pod.metadata.uid,
          template: pod.metadata.labels?.['pod-template-hash'],
          started: status.phase === 'Running' || status.phase === 'Succeeded',
          containers: status.containerStatuses?.map(({ restartCount, containerID }) => ({ restartCount, containerID })),
        };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const eventsOf = async ({ ref }: Case, kind: string, name = ref.name) =>
    (await plane.client.resource(events).list({ namespace: ref.namespace ?? 'default' })).items
      .filter((event) => {
        const about = event['involvedObject'] as { kind: string; name: string };
        return about.kind === kind && about.name === name;
      })
      .map((event) => `${event['reason']}: ${event['message']}`);

  it('covers thirty kinds and more', () => {
    expect(takeoverKinds.length).toBeGreaterThanOrEqual(30);
  });

  it.each(cases.filter(({ state }) => state !== 'immutable').map((each) => [keyOf(each), each] as const))(
    '%s: adopted',
    async (_, each) => {
      const old = before.get(keyOf(each)) as Unstructured;
      const now = await plane.memberClient('member1').resource(each.type).get(each.ref);
      const { uid, finalizers, ownerReferences } = old.metadata;
      expect(now.metadata).toMatchObject({ uid, ...present({ finalizers, ownerReferences }) });
      expect(now.metadata.labels).toMatchObject({ ...each.inMember.metadata.labels, ...each.template.metadata.labels });
      expect(now.metadata.labels?.['karmada.io/managed']).toBe('true');
      expect(now.metadata.annotations).toMatchObject({ ...each.inMember.metadata.annotations });
      if (each.state === 'inplace') {
        const template = await plane.client.resource(each.type).get(each.ref);
        expect(contentOf(now)).toMatchObject(contentOf(template) as object);
      } else expect(contentOf(now)).toEqual(contentOf(old));
      const puts = sent.filter(({ path }) => path.endsWith(`/${each.of.resource}/${each.ref.name}`));
      expect(puts.map(({ method }) => method)).toEqual(['PUT']);
    },
  );

  it.each(cases.filter(({ state }) => state === 'immutable').map((each) => [keyOf(each), each] as const))(
    '%s: refused, told with the field and the cure, and not sent again',
    async (_, each) => {
      const old = before.get(keyOf(each)) as Unstructured;
      const now = await plane.memberClient('member1').resource(each.type).get(each.ref);
      expect(contentOf(now)).toEqual(contentOf(old));
      expect(now.metadata.labels).toEqual(old.metadata.labels);
      const { name } = each.ref;
      const message = findCondition((await workOf(each)).status?.conditions, 'Applied')?.message ?? '';
      expect(message).toContain(`refuses to change ${each.refused}`);
      expect(message).toContain(`or delete the ${each.of.kind} in cluster member1`);
      const [item] = (await bindingOf(each)).status?.aggregatedStatus ?? [];
      expect(item?.appliedMessage).toBe(message);
      expect(
        sent.filter(({ path }) => path.endsWith(`/${each.of.resource}/${name}`)).map(({ method }) => method),
      ).toEqual(['PUT']);
      const told = await eventsOf(
        each,
        each.of.clusterScoped ? 'ClusterResourceBinding' : 'ResourceBinding',
        bindingName(each.of.kind, name),
      );
      expect(told).toContainEqual(expect.stringMatching(/^SyncFailed: .*refuses to change/));
    },
  );

  it('says on template and binding which fields changed, and no values', async () => {
    const find = (name: string) => cases.find(({ ref }) => ref.name === name) as Case;
    const adopted = (what: string) =>
      expect.stringMatching(new RegExp(`^ResourceAdopted: Took over resource\\(default/.*; ${what}$`));
    const rows: [string, string][] = [
      ['deployment-identical', "nothing but Karmada's own labels and annotations changed"],
      ['deployment-metadata', 'changed: metadata.labels.tier'],
      ['deployment-inplace', 'changed: .*spec\\.minReadySeconds.*'],
      ['secret-inplace', 'changed: .*data\\.a.*'],
    ];
    for (const [name, what] of rows) {
      const each = find(name);
      expect(await eventsOf(each, each.of.kind)).toContainEqual(adopted(what));
      expect(await eventsOf(each, 'ResourceBinding', bindingName(each.of.kind, name))).toContainEqual(adopted(what));
    }
  });

  it('no delete reached the member', () => {
    expect(sent.filter(({ method }) => method === 'DELETE')).toEqual([]);
  });

  it('no Pod was made anew, restarted or changed its template', async () => {
    expect(await podFacts()).toEqual(podsBefore);
  });
});

const present = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Without metadata and what controllers write. */
function contentOf(object: Unstructured): unknown {
  const { apiVersion: _a, kind: _k, metadata: _m, ...content } = pruneManifest(cloneJson(object));
  return content;
}
