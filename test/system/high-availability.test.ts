/** Two replicas of every component, as processes; whoever leads is killed, stopped or frozen while applications are taken over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../src/apimachinery/conditions.ts';
import { propagationPolicies, resourceBindings, works } from '../../src/apis/resource-types.ts';
import type { ResourceBinding } from '../../src/apis/work/v1alpha2/resource-binding.ts';
import { deployments, namespaces, pods, replicaSets, services } from '../../src/kubernetes/resource-types.ts';
import { eventually } from '../support/control-plane.ts';
import { full } from '../support/full.ts';
import { handOver, type Replica, type ReplicaScene, startReplicaScene } from '../support/replicas.ts';

const namespace = 'shop';
const apps = ['a', 'b', 'c', 'd', 'e'];
const members = ['member1', 'member2'];

describe('two replicas of every component', () => {
  interface Component {
    lease: string;
    flags?: string[];
    /** Those that are not gone. */
    replicas: Replica[];
  }

  let scene: ReplicaScene;
  let before: unknown;
  const components: Record<string, Component> = {
    'karmada-controller-manager': {
      lease: 'karmada-controller-manager',
      flags: ['--feature-gates=PropagationPolicyPreemption=true'],
      replicas: [],
    },
    'karmada-scheduler': { lease: 'karmada-scheduler', replicas: [] },
    'karmada-agent': { lease: 'karmada-agent-member2', replicas: [] },
    // They elect their leader by the same code, and take no part in a takeover.
    ...(full && {
      'karmada-descheduler': { lease: 'karmada-descheduler', replicas: [] },
      'kube-controller-manager': { lease: 'kube-controller-manager', replicas: [] },
    }),
  };
  const names = Object.keys(components);
  const component = (name: string) => components[name] as Component;
  let started = 0;
  async function start(name: string): Promise<void> {
    const { replicas, flags } = component(name);
    replicas.push(await scene.start(name, `${name}-${started++}`, flags));
  }
  /** The leader leaves the list of those who are not gone. */
  async function takeLeader(name: string): Promise<Replica> {
    const { replicas, lease } = component(name);
    const holder = await scene.holder(lease);
    const leader = replicas.find(({ identity }) => identity === holder);
    if (leader === undefined) throw new Error(`${lease} is held by ${holder}`);
    replicas.splice(replicas.indexOf(leader), 1);
    return leader;
  }

  beforeAll(async () => {
    scene = await startReplicaScene({ push: ['member1'], pull: ['member2'] });
    component('karmada-agent').flags = [
      '--cluster-name=member2',
      `--kubeconfig=${scene.kubeconfig('member2')}`,
      `--karmada-kubeconfig=${scene.kubeconfig('control-plane')}`,
      '--cluster-api-endpoint=https://member2.invalid',
    ];
    const running = Promise.all(names.flatMap((name) => [start(name), start(name)]));
    for (const client of members.map((name) => scene.member(name))) {
      await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      for (const name of apps) {
        await client.resource(deployments).create(deployment(name) as never);
        await client.resource(services).create(service(name) as never);
      }
    }
    await running;
    for (const name of names)
      await eventually(async () => expect(await scene.holder(component(name).lease)).toBeDefined());
    await scene.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    for (const name of apps) {
      await scene.client.resource(deployments).create(deployment(name) as never);
      await scene.client.resource(services).create(service(name) as never);
    }
    before = await eventually(async () => {
      const found = await identities();
      expect(found.filter(({ kind, state }) => kind === 'pods' && state?.phase === 'Running')).toHaveLength(20);
      return found;
    }, 20_000);
  });
  afterAll(() => scene?.stop());

  /** Of all that runs in the members: what would differ had it been made anew, restarted or rolled out. */
  async function identities() {
    const found = [];
    for (const member of members)
      for (const type of [deployments, replicaSets, services, pods])
        for (const object of (await scene.member(member).resource(type).list({ namespace })).items) {
          const { uid, labels = {} } = object.metadata;
          const { phase, containerStatuses } = (object['status'] ?? {}) as Record<string, unknown>;
          const state = type === pods ? { phase, containerStatuses } : undefined;
          found.push({ member, kind: type.resource, uid, template: labels['pod-template-hash'], state });
        }
    return found;
  }
  async function unchanged(): Promise<void> {
    expect(await identities()).toEqual(before);
    for (const member of members) {
      const requests = (await scene.member(member).text('/metrics'))
        .split('\n')
        .filter((line) =>
          /^apiserver_request_total\{.*resource="(deployments|services|replicasets|pods|namespaces)"/.test(line),
        );
      expect(requests.filter((line) => /verb="(update|put|patch)".*resource="deployments"/i.test(line))).not.toEqual(
        [],
      );
      const deletes = requests.filter((line) => /verb="delete/i.test(line));
      expect(deletes).toEqual([]);
    }
  }
  const bindings = async () =>
    (await scene.client.resource<ResourceBinding>(resourceBindings).list({ namespace })).items;
  const carriedBy = (policyName: string) =>
    eventually(async () => {
      const all = await bindings();
      expect(all).toHaveLength(10);
      for (const { metadata, spec, status } of all) {
        expect(metadata.annotations).toMatchObject({ 'propagationpolicy.karmada.io/name': policyName });
        expect(spec.clusters).toHaveLength(2);
        expect(status?.aggregatedStatus?.filter(({ applied }) => applied)).toHaveLength(2);
        expect(findCondition(status?.conditions, 'FullyApplied')?.status).toBe('True');
      }
    }, 40_000);
  const create = (name: string, more: object = {}) =>
    scene.client.resource(propagationPolicies).create(policy(name, more) as never);
  const followed = async (name: string, gone: Replica): Promise<void> => {
    await handOver(scene, component(name).lease, gone.identity);
    const others = component(name).replicas.map(({ identity }) => identity);
    expect(others).toContain(await scene.holder(component(name).lease));
  };

  it('kill -9 of every leader during a takeover: the others finish it', async () => {
    const gone = new Map<string, Replica>();
    const kill = async (name: string): Promise<void> => {
      const leader = await takeLeader(name);
      leader.process.kill('SIGKILL');
      gone.set(name, leader);
    };
    await create('pp1');
    await eventually(async () => expect((await bindings()).length).toBeGreaterThan(1));
    for (const name of names) await kill(name);
    expect((await bindings()).filter(({ status }) => findCondition(status?.conditions, 'FullyApplied'))).toHaveLength(
      0,
    );
    await Promise.all([...gone].map(([name, leader]) => followed(name, leader)));
    await carriedBy('pp1');
    await unchanged();
  });

  it('SIGTERM of a leader during a preemption: it ends with 0, and the other goes on', async () => {
    const stopped = full ? names : ['karmada-controller-manager', 'karmada-scheduler'];
    await Promise.all(stopped.map(start));
    await create('pp2', { priority: 10, preemption: 'Always' });
    await eventually(async () => expect(JSON.stringify(await bindings())).toContain('pp2'));
    const gone: [string, Replica][] = [];
    for (const name of stopped) {
      const leader = await takeLeader(name);
      leader.process.kill('SIGTERM');
      gone.push([name, leader]);
    }
    for (const [name, leader] of gone) {
      expect(await leader.ended).toBe(0);
      await followed(name, leader);
    }
    await carriedBy('pp2');
    await unchanged();
  });

  it('a leader that was frozen and wakes up when another leads ends without a further word', async () => {
    const name = 'karmada-controller-manager';
    await start(name);
    const leader = await takeLeader(name);
    leader.process.kill('SIGSTOP');
    await followed(name, leader);
    const works = await worksOf();
    leader.process.kill('SIGCONT');
    expect(await leader.ended).toBe(1);
    expect(await worksOf()).toEqual(works);
    await scene.client
      .resource(deployments)
      .patch({ namespace, name: 'a' }, 'merge', { metadata: { labels: { edit: 'new-leader' } } });
    await eventually(async () => {
      for (const member of members)
        expect(
          (await scene.member(member).resource(deployments).get({ namespace, name: 'a' })).metadata.labels,
        ).toMatchObject({ edit: 'new-leader' });
    }, 20_000);
    await unchanged();
  });

  const worksOf = async () =>
    (await scene.client.resource(works).list({})).items.map(({ metadata }) => [
      metadata.name,
      metadata.resourceVersion,
    ]);

  const meta = (name: string) => ({ name, namespace, labels: { app: name } });
  const deployment = (name: string) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(name),
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] },
      },
    },
  });
  const service = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name),
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  });
  const policy = (name: string, more: object) => ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, namespace },
    spec: {
      conflictResolution: 'Overwrite',
      resourceSelectors: apps.flatMap((app) => [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: app },
        { apiVersion: 'v1', kind: 'Service', name: app },
      ]),
      placement: { clusterAffinity: { clusterNames: members } },
      ...more,
    },
  });
});
