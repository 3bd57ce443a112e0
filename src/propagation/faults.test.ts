import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  eventually,
  settledRevision,
  startControlPlane,
  type TestControlPlane,
} from '../../test/support/control-plane.ts';
import { full, rounds, seededRandom, testSeed } from '../../test/support/full.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import { cloneJson, type Unstructured } from '../apimachinery/object.ts';
import { pruneManifest } from '../apis/prune-manifest.ts';
import { propagationPolicies, resourceBindings, works } from '../apis/resource-types.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { customResourceDefinitions, deployments, namespaces, pods, services } from '../kubernetes/resource-types.ts';
import {
  both,
  dyingAfter,
  failingMember,
  mutatingMember,
  recording,
  refusingMember,
  type Sent,
  shakyWatches,
  type Through,
} from './testing/fault-transports.ts';

const seed = testSeed();
const random = seededRandom(seed);

/**
 * An application runs in member1; what happens to the control plane while it is taken over, preempted or let go must end where
 * it ends without faults, without a Pod made anew or restarted, and without a delete sent to a member.
 */
describe(`faults (KARMADA_TEST_SEED=${seed})`, () => {
  let plane: TestControlPlane;
  const sent: Sent[] = [];
  const plain = recording(sent);

  beforeAll(async () => {
    plane = await startControlPlane(['member1', 'member2'], { kubelites: true });
  }, 60_000);
  afterAll(() => plane.stop());

  let count = 0;
  /** An application of its own namespace, running in member1, with its templates. */
  async function prepare() {
    const namespace = `app-${count++}`;
    const both = [plane.client, plane.memberClient('member1'), plane.memberClient('member2')];
    for (const client of both)
      await client
        .resource(namespaces)
        .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: skipped } } as never);
    for (const client of both.slice(0, 2)) {
      await client.resource(deployments).create(deployment(namespace) as never);
      await client.resource(services).create(service(namespace) as never);
    }
    const before = await eventually(async () => {
      const found = await podsOf(namespace);
      expect(found).toHaveLength(2);
      expect(found.every((pod) => pod.running)).toBe(true);
      return found;
    }, 20_000);
    return { namespace, before };
  }

  const podsOf = async (namespace: string) =>
    (await plane.memberClient('member1').resource(pods).list({ namespace })).items
      .map((pod) => {
        const status = pod['status'] as {
          phase?: string;
          containerStatuses?: { restartCount: number; containerID?: string }[];
        };
        return {
          uid: pod.metadata.uid,
          template: pod.metadata.labels?.['pod-template-hash'],
          running: status.phase === 'Running',
          containers: status.containerStatuses?.map(({ restartCount, containerID }) => ({ restartCount, containerID })),
        };
      })
      .sort((a, b) => ((a.uid ?? '') < (b.uid ?? '') ? -1 : 1));
  const createPolicy = (namespace: string, name: string, clusterNames: string[], more: object = {}) =>
    plane.client.resource(propagationPolicies).create(policy(namespace, name, clusterNames, more) as never);
  const bindingsOf = async (namespace: string) =>
    (await plane.client.resource<ResourceBinding>(resourceBindings).list({ namespace })).items;
  const applied = (namespace: string, clusters: number, policyName: string) =>
    eventually(async () => {
      const found = await bindingsOf(namespace);
      expect(found).toHaveLength(2);
      for (const binding of found) {
        expect(binding.metadata.annotations).toMatchObject({ 'propagationpolicy.karmada.io/name': policyName });
        expect(binding.spec.clusters).toHaveLength(clusters);
        expect(binding.status?.aggregatedStatus?.filter((item) => item.applied)).toHaveLength(clusters);
        expect(findCondition(binding.status?.conditions, 'FullyApplied')?.status).toBe('True');
      }
    }, 30_000);
  const running = new Set<{ stop(): Promise<void> }>();
  const start = async (through?: Through) => {
    const started = await plane.startControllers({
      preemption: true,
      through: through === undefined ? plain : both(plain, through),
    });
    const controllers = {
      async stop() {
        running.delete(controllers);
        await started.stop();
      },
    };
    running.add(controllers);
    return controllers;
  };
  afterEach(async () => {
    for (const controllers of running) await controllers.stop();
  });

  /** All that propagation made of a namespace, without what differs from run to run. */
  async function fixpoint(namespace: string): Promise<unknown> {
    const of = async (client: TestControlPlane['client']) => [
      ...(await client.resource(deployments).list({ namespace })).items,
      ...(await client.resource(services).list({ namespace })).items,
    ];
    const carried = (await plane.client.resource(works).list({})).items.filter((work) =>
      JSON.stringify(work['spec']).includes(`"namespace":"${namespace}"`),
    );
    const parts = [
      await of(plane.client),
      await bindingsOf(namespace),
      carried,
      await of(plane.memberClient('member1')),
      await of(plane.memberClient('member2')),
    ].map((objects) =>
      objects
        .map((object) => {
          const { status, ...content } = cloneJson(object) as unknown as Unstructured;
          const conditions = ((status ?? {}) as { conditions?: { type: string; status: string }[] }).conditions ?? [];
          return normalized(namespace, {
            ...pruneManifest(content as Unstructured),
            conditions: conditions.map((each) => `${each.type}=${each.status}`).sort(),
          });
        })
        .sort(),
    );
    return parts.map((objects) => objects.map((text) => JSON.parse(text)));
  }

  async function checkOracle({ namespace, before }: Awaited<ReturnType<typeof prepare>>): Promise<void> {
    expect(await podsOf(namespace)).toEqual(before);
    expect(sent.filter(({ method, member }) => member !== undefined && method === 'DELETE')).toEqual([]);
  }

  interface Walk {
    name: string;
    /** With controllers that behave. */
    first?(namespace: string): Promise<void>;
    /** What sets off the step that is disturbed. */
    trigger(namespace: string): Promise<unknown>;
    reached(namespace: string): Promise<unknown>;
    /** Writes of the step, at most. */
    writes: number;
  }

  const takeover: Walk = {
    name: 'takeover',
    trigger: (namespace) => createPolicy(namespace, 'pp1', ['member1']),
    reached: (namespace) => applied(namespace, 1, 'pp1'),
    writes: 24,
  };
  const preemption: Walk = {
    name: 'preemption',
    async first(namespace) {
      await createPolicy(namespace, 'pp1', ['member1']);
      await applied(namespace, 1, 'pp1');
    },
    trigger: (namespace) =>
      createPolicy(namespace, 'pp2', ['member1', 'member2'], { priority: 10, preemption: 'Always' }),
    reached: (namespace) => applied(namespace, 2, 'pp2'),
    writes: 30,
  };
  const deletion: Walk = {
    name: 'policy deletion',
    async first(namespace) {
      await createPolicy(namespace, 'pp1', ['member1']);
      await applied(namespace, 1, 'pp1');
    },
    trigger: (namespace) => plane.client.resource(propagationPolicies).delete({ namespace, name: 'pp1' }),
    reached: (namespace) =>
      eventually(async () => {
        expect((await plane.client.resource(propagationPolicies).list({ namespace })).items).toEqual([]);
        for (const binding of await bindingsOf(namespace)) expect(binding.metadata.labels).not.toHaveProperty(claim);
      }, 20_000),
    writes: 6,
  };

  /**
   * One walk through a step, which ends where the first one did; `disturb` is what the controllers see meanwhile, until they are
   * started again.
   */
  async function walk(step: Walk, disturb?: { through: Through; dead?(): boolean }) {
    const app = await prepare();
    const { namespace } = app;
    if (step.first !== undefined) {
      const controllers = await start();
      await step.first(namespace);
      await settledRevision(plane.api, 100);
      await controllers.stop();
    }
    await step.trigger(namespace);
    if (disturb !== undefined) {
      const controllers = await start(disturb.through);
      await Promise.race([
        step.reached(namespace).catch(() => {}),
        eventually(() => expect(disturb.dead?.()).toBe(true), 30_000).catch(() => {}),
      ]);
      await controllers.stop();
    }
    const controllers = await start();
    await step.reached(namespace);
    await settledRevision(plane.api, 150);
    await controllers.stop();
    // A start with nothing to do: what only a start looks at is the same for all.
    const last = await start();
    await settledRevision(plane.api, 150);
    const end = ends.get(step.name);
    if (end === undefined) {
      // On a busy machine quiet may be a pause: it is the end when it lasts.
      await eventually(async () => {
        const found = JSON.stringify(await fixpoint(namespace));
        await settledRevision(plane.api, 500);
        expect(JSON.stringify(await fixpoint(namespace))).toBe(found);
      });
      ends.set(step.name, await fixpoint(namespace));
    } else await eventually(async () => expect(await fixpoint(namespace)).toEqual(end), 30_000);
    await last.stop();
    await checkOracle(app);
  }

  /** Where each step ends when nothing disturbs it. */
  const ends = new Map<string, unknown>();

  describe.each([takeover, preemption, deletion])('$name', (step) => {
    beforeAll(() => walk(step), 60_000);

    const chosen = full
      ? Array.from({ length: step.writes }, (_, i) => i + 1)
      : [1 + Math.floor(random() * step.writes)];
    // A walk takes two seconds, and many times that on a machine that has other things to do.
    it.each(chosen)(
      'killed at write %i, ends where it ends without',
      async (write) => {
        await walk(step, dyingAfter(write));
      },
      120_000,
    );

    // In a quick run for one of the steps.
    if (full || step === preemption)
      it('watches that lose, repeat, delay and reorder events', async () => {
        for (let round = 0; round < rounds(1, 10); round++) await walk(step, { through: shakyWatches(random) });
      });
  });

  it('a member that answers 429, 500, slowly or with half a body', async () => {
    for (let round = 0; round < rounds(1, 10); round++) await walk(takeover, { through: failingMember(random, 8) });
  });

  it('two leaders at once', async () => {
    const app = await prepare();
    const { namespace } = app;
    const leaders = [await start(), await start()];
    await takeover.trigger(namespace);
    await takeover.reached(namespace);
    await preemption.trigger(namespace);
    await preemption.reached(namespace);
    await settledRevision(plane.api, 200);
    for (const leader of leaders) await leader.stop();
    await checkOracle(app);
    const again = await start();
    await settledRevision(plane.api, 200);
    await again.stop();
    const revision = await settledRevision(plane.api, 100);
    const controllers = await start();
    expect(await settledRevision(plane.api, 400)).toBe(revision);
    await controllers.stop();
  });

  it('somebody edits the member object during the takeover: both have their way', async () => {
    const app = await prepare();
    const { namespace } = app;
    const member = plane.memberClient('member1').resource(deployments);
    let edits = 0;
    const editing: Through = (transport, to) => ({
      close: () => transport.close(),
      async request(request) {
        if (
          to === 'member1' &&
          request.method === 'PUT' &&
          request.path.includes(`${namespace}/deployments`) &&
          edits < 3
        )
          await member.patch({ namespace, name: 'x' }, 'merge', { metadata: { labels: { edit: String(++edits) } } });
        return await transport.request(request);
      },
    });
    await takeover.trigger(namespace);
    const controllers = await start(editing);
    await takeover.reached(namespace);
    await controllers.stop();
    expect((await member.get({ namespace, name: 'x' })).metadata.labels).toMatchObject({
      edit: '3',
      'karmada.io/managed': 'true',
    });
    await checkOracle(app);
  });

  it('a member whose admission changes what is written: it is written once, and settles', async () => {
    const app = await prepare();
    const { namespace } = app;
    const admission = mutatingMember((object) => {
      object.metadata.labels = { ...object.metadata.labels, team: 'members-own' };
      (object['spec'] as { revisionHistoryLimit?: number }).revisionHistoryLimit = 3;
    });
    await takeover.trigger(namespace);
    const from = sent.length;
    for (let leader = 0; leader < 2; leader++) {
      const controllers = await start(admission);
      await takeover.reached(namespace);
      // Brings every Work of the cluster back.
      for (const ready of [false, true]) {
        await plane.setReady('member1', ready);
        await settledRevision(plane.api, 200);
      }
      await controllers.stop();
    }
    const puts = sent
      .slice(from)
      .filter(({ method, path }) => method === 'PUT' && path.endsWith(`${namespace}/deployments/x`));
    // A new leader has to learn once more that the server has its own will.
    expect(puts.filter(({ member }) => member === 'member1').length).toBeLessThanOrEqual(2);
    const object = await plane.memberClient('member1').resource(deployments).get({ namespace, name: 'x' });
    expect(object).toMatchObject({ metadata: { labels: { team: 'members-own' } }, spec: { revisionHistoryLimit: 3 } });
    await checkOracle(app);
  });

  it('a member whose admission refuses: the reason is told, and the end is the same once it allows', async () => {
    let refuses = true;
    let told = '';
    const walked = walk(
      {
        ...takeover,
        async reached(namespace) {
          if (refuses)
            await eventually(async () => {
              const found = (await bindingsOf(namespace)).find(({ spec }) => spec.resource.kind === 'Deployment');
              told = found?.status?.aggregatedStatus?.[0]?.appliedMessage ?? '';
              expect(told).not.toBe('');
            });
          refuses = false;
          await takeover.reached(namespace);
        },
      },
      { through: refusingMember(() => refuses) },
    );
    await walked;
    expect(told).toContain('admission webhook "owner.example.io" denied the request: not by you');
  });

  it('a kind that the member does not know yet is applied once it does', async () => {
    const { namespace } = await prepare();
    const type = { group: 'faults.example.io', version: 'v1', resource: 'things', kind: 'Thing', namespaced: true };
    await plane.client.resource(customResourceDefinitions).create(definition as never);
    const ref = { namespace, name: 'thing' };
    await eventually(() =>
      plane.client.resource(type).create({ apiVersion: 'faults.example.io/v1', kind: 'Thing', metadata: ref }),
    );
    const controllers = await start();
    await plane.client.resource(propagationPolicies).create({
      ...policy(namespace, 'things', ['member1']),
      spec: {
        placement: { clusterAffinity: { clusterNames: ['member1'] } },
        resourceSelectors: [{ apiVersion: 'faults.example.io/v1', kind: 'Thing' }],
      },
    } as never);
    const known = plane.memberClient('member1').resource(customResourceDefinitions);
    await eventually(async () => expect(await bindingsOf(namespace)).toHaveLength(1), 40_000);
    await plane.client.resource<ResourceBinding>(resourceBindings).patch({ namespace, name: 'thing-thing' }, 'merge', {
      spec: { clusters: [{ name: 'member1' }] },
    });
    await eventually(async () => {
      const [binding] = await bindingsOf(namespace);
      expect(binding?.status?.aggregatedStatus?.[0]?.appliedMessage).toContain('Failed to apply all manifests');
    });
    await known.create(definition as never);
    await eventually(
      async () => expect(await plane.memberClient('member1').resource(type).get(ref)).toMatchObject({ kind: 'Thing' }),
      20_000,
    );
    await controllers.stop();
  });

  it('a member that comes back keeps what the policy still wants', async () => {
    const app = await prepare();
    const { namespace } = app;
    let controllers = await start();
    await takeover.trigger(namespace);
    await takeover.reached(namespace);
    await plane.setReady('member1', false);
    await settledRevision(plane.api, 200);
    await controllers.stop();
    // Hours later: other policies have come and gone, and the controllers are new.
    await preemption.trigger(namespace);
    controllers = await start();
    await eventually(async () =>
      expect((await plane.memberClient('member2').resource(deployments).list({ namespace })).items).toHaveLength(1),
    );
    await plane.setReady('member1', true);
    await preemption.reached(namespace);
    await controllers.stop();
    await checkOracle(app);
  });
});

/** Without ids, times, versions, addresses and the names made of them. */
function normalized(namespace: string, object: object): string {
  return JSON.stringify(object)
    .replaceAll(namespace, 'NS')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'ID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/"resourceVersion":"\d+"/g, '"resourceVersion":"N"')
    .replace(/"nodePort":\d+/g, '"nodePort":0')
    .replace(/"(generation|resourcetemplate.karmada.io\/generation)":("?)\d+/g, '"$1":$2G')
    .replace(/"10\.\d+\.\d+\.\d+"/g, '"IP"')
    .replace(/x-[a-z0-9]{4,10}"/g, 'x-HASH"');
}

const claim = 'propagationpolicy.karmada.io/permanent-id';
const skipped = { 'namespace.karmada.io/skip-auto-propagation': 'true' };
const podTemplate = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };
const deployment = (namespace: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'x', namespace },
  spec: { replicas: 2, selector: { matchLabels: { app: 'x' } }, template: podTemplate },
});
const service = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'x', namespace },
  spec: { selector: { app: 'x' }, ports: [{ port: 80 }] },
});
const policy = (namespace: string, name: string, clusterNames: string[], more: object = {}) => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'PropagationPolicy',
  metadata: { name, namespace },
  spec: {
    conflictResolution: 'Overwrite',
    placement: { clusterAffinity: { clusterNames } },
    resourceSelectors: [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' },
      { apiVersion: 'v1', kind: 'Service', name: 'x' },
    ],
    ...more,
  },
});
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.faults.example.io' },
  spec: {
    group: 'faults.example.io',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
