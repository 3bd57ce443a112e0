/** The guide on scheduling with a real kubectl: weights, regions, fallback, rescheduling, and estimators of two members. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../support/kubectl.ts';
import { eventually, kubectlFor, localEnvironment, projectRoot } from '../support/local-environment.ts';
import { type ConditionHolder, condition, type Item } from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const { kubectl, object } = kubectlFor(environment.env);
const karmada = '--context karmada-apiserver';
const namespace = 'scheduling';
const file = (name: string) => join(projectRoot, 'examples/scheduling', name);

interface Binding extends Omit<Item, 'status'>, ConditionHolder {
  spec: { clusters?: { name: string; replicas?: number }[] };
  status: NonNullable<ConditionHolder['status']> & {
    schedulerObservingAffinityName?: string;
    lastScheduledTime?: string;
  };
}
const binding = (name = 'web') => object<Binding>(`${karmada} -n ${namespace} get rb ${name}-deployment`);
const placement = ({ spec }: Binding): string =>
  (spec.clusters ?? []).map(({ name, replicas }) => `${name} ${replicas}`).join(', ');
const placed = (expected: string, name?: string) =>
  eventually(async () => expect(placement(await binding(name))).toBe(expected));
const replicas = async (member: string, name = 'web') =>
  (await object<{ spec: { replicas: number } }>(`--context ${member} -n ${namespace} get deploy ${name}`)).spec
    .replicas;
const apply = (name: string) => kubectl(`${karmada} -n ${namespace} apply -f ${file(name)}`);
const patch = (what: string, value: object) =>
  kubectl(`${karmada} -n ${namespace} patch ${what} --type merge -p ${JSON.stringify(value)}`);

describe('scheduling', () => {
  beforeAll(async () => {
    await kubectl(`${karmada} create namespace ${namespace}`);
    await apply('web.yaml');
  });
  afterAll(async () => {
    await kubectl(`${karmada} -n ${namespace} delete propagationpolicy --all`);
    await kubectl(`${karmada} delete namespace ${namespace} --wait=false`);
    for (const name of ['member1', 'member2', 'member3']) await patch(`cluster ${name}`, { spec: { region: null } });
    await kubectl(`${karmada} label cluster member1 example.io/tier-`);
  });

  it('divides replicas by weights', async () => {
    await apply('by-weight.yaml');
    await placed('member1 4, member2 2');
    await eventually(async () => expect([await replicas('member1'), await replicas('member2')]).toEqual([4, 2]));
    await kubectl(`${karmada} -n ${namespace} scale deploy web --replicas=9`);
    await placed('member1 6, member2 3');
    const { status } = await binding();
    expect(condition({ status }, 'Scheduled')).toMatchObject({ status: 'True', reason: 'Success' });
    await eventually(async () =>
      expect(
        await kubectl(`${karmada} -n ${namespace} get events --field-selector reason=ScheduleBindingSucceed`),
      ).toContain('Binding has been scheduled successfully. Result: {member1:6, member2:3}'),
    );
  });

  it('says beforehand what a policy would do, and why', async () => {
    const { code, stdout } = await run(
      process.execPath,
      [
        join(projectRoot, 'dist/cmd/karmadactl.js'),
        'schedule-what-if',
        '--karmada-context=karmada-apiserver',
        '-n',
        namespace,
        '-f',
        file('gold-first.yaml'),
      ],
      { env: environment.env },
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${namespace}/web-deployment: would be placed on member2 9\n +was +member1 6, member2 3\n`),
    );
    expect(stdout).toContain('affinity gold: 0/3 clusters are available: 3 cluster(s) did not match');
    await placed('member1 6, member2 3');
  });

  it('spreads over regions', async () => {
    for (const [name, region] of [
      ['member1', 'north'],
      ['member2', 'north'],
      ['member3', 'south'],
    ])
      await patch(`cluster ${name}`, { spec: { region } });
    await apply('two-regions.yaml');
    await eventually(async () => {
      const names = ((await binding()).spec.clusters ?? []).map(({ name }) => name);
      expect(names).toHaveLength(2);
      expect(names).toContain('member3');
    });
  });

  it('falls back to the next affinity, stays there, and starts over when a reschedule is asked for', async () => {
    await apply('gold-first.yaml');
    await placed('member2 9');
    await eventually(async () => expect((await binding()).status.schedulerObservingAffinityName).toBe('fallback'));
    await kubectl(`${karmada} label cluster member1 example.io/tier=gold`);
    await kubectl(`${karmada} -n ${namespace} scale deploy web --replicas=8`);
    await placed('member2 8');
    const last = Date.parse((await binding()).status.lastScheduledTime ?? '');
    const rescheduleTriggeredAt = new Date(last + 1000).toISOString().replace(/\.\d+/, '');
    await patch('rb web-deployment', { spec: { rescheduleTriggeredAt } });
    await placed('member1 8');
    expect((await binding()).status.schedulerObservingAffinityName).toBe('gold');
    await eventually(async () => expect(await replicas('member1')).toBe(8));
  });

  describe('with estimators', () => {
    const folder = mkdtempSync(join(tmpdir(), 'karmada-estimators-'));
    const children: ChildProcess[] = [];

    /** Starts one of ours; resolves with the first line of its log that says `word`. */
    async function start(name: string, word: string, ...flags: string[]): Promise<Record<string, unknown>> {
      const child = spawn(
        process.execPath,
        [
          join(projectRoot, 'dist/cmd', `${name}.js`),
          '--health-probe-bind-address=0',
          '--metrics-bind-address=0',
          ...flags,
        ],
        { stdio: ['ignore', 'ignore', 'pipe'], env: { ...environment.env, KARMADA_PARENT_PID: String(process.pid) } },
      );
      children.push(child);
      const told: string[] = [];
      if (child.stderr === null) throw new Error('no stderr');
      for await (const line of createInterface(child.stderr)) {
        told.push(line);
        if (!line.includes(word)) continue;
        child.stderr.resume();
        return JSON.parse(line);
      }
      throw new Error(`${name} ended:\n${told.join('\n')}`);
    }
    const kubeconfig = async (context: string): Promise<string> => {
      const path = join(folder, context);
      writeFileSync(path, await kubectl(`config view --raw --minify --flatten --context=${context}`), { mode: 0o600 });
      return path;
    };

    beforeAll(async () => {
      for (const member of ['member1', 'member2']) {
        const { port } = await start(
          'karmada-scheduler-estimator',
          'Serving',
          `--kubeconfig=${await kubeconfig(member)}`,
          `--cluster-name=${member}`,
          '--bind-address=127.0.0.1',
          '--server-port=0',
        );
        const service = {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: `karmada-scheduler-estimator-${member}`, namespace: 'karmada-system' },
          spec: { type: 'ExternalName', externalName: '127.0.0.1', ports: [{ port: 10352, targetPort: port }] },
        };
        await kubectl(`${karmada} apply -f -`, { input: JSON.stringify(service) });
      }
      const control = await kubeconfig('karmada-apiserver');
      await start(
        'karmada-scheduler',
        'Connected to the estimator',
        `--kubeconfig=${control}`,
        '--scheduler-name=estimating',
        '--leader-elect=false',
        '--enable-scheduler-estimator',
      );
      await start(
        'karmada-descheduler',
        'Connected to the estimator',
        `--kubeconfig=${control}`,
        '--leader-elect=false',
        '--descheduling-interval=1s',
        '--unschedulable-threshold=1s',
      );
    });
    afterAll(async () => {
      for (const child of children) {
        const ended = once(child, 'exit');
        if (child.exitCode === null && child.kill('SIGTERM')) await ended;
      }
      for (const member of ['member1', 'member2'])
        await kubectl(`${karmada} -n karmada-system delete service karmada-scheduler-estimator-${member}`);
      const { items } = await object<{ items: Item[] }>('--context member1 get nodes');
      for (const { metadata } of items) await kubectl(`--context member1 uncordon ${metadata.name}`);
      rmSync(folder, { recursive: true, force: true });
    });

    it('looks at nodes, and takes replicas away from a member that cannot run them', async () => {
      const nodes = await object<{ items: Item[] }>('--context member1 get nodes');
      for (const { metadata } of nodes.items)
        await kubectl(`--context member1 label node ${metadata.name} example.io/disk=ssd --overwrite`);
      const labels = { app: 'fast' };
      const fast = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'fast' },
        spec: {
          replicas: 4,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { nodeSelector: { 'example.io/disk': 'ssd' }, containers: [{ name: 'web', image: 'nginx:1.27' }] },
          },
        },
      };
      const policy = {
        apiVersion: 'policy.karmada.io/v1alpha1',
        kind: 'PropagationPolicy',
        metadata: { name: 'fast' },
        spec: {
          schedulerName: 'estimating',
          resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'fast' }],
          placement: {
            clusterAffinity: { clusterNames: ['member1', 'member2'] },
            replicaScheduling: {
              replicaSchedulingType: 'Divided',
              replicaDivisionPreference: 'Weighted',
              weightPreference: { dynamicWeight: 'AvailableReplicas' },
            },
          },
        },
      };
      for (const manifest of [fast, policy])
        await kubectl(`${karmada} -n ${namespace} apply -f -`, { input: JSON.stringify(manifest) });
      // Only the nodes of member1 have the label, which the clusters' own summaries do not tell.
      await placed('member1 4', 'fast');
      await eventually(async () => expect(await replicas('member1', 'fast')).toBe(4));

      const other = await object<{ items: Item[] }>('--context member2 get nodes');
      for (const { metadata } of other.items)
        await kubectl(`--context member2 label node ${metadata.name} example.io/disk=ssd --overwrite`);
      for (const { metadata } of nodes.items) await kubectl(`--context member1 cordon ${metadata.name}`);
      await kubectl(`--context member1 -n ${namespace} delete pods -l app=fast`);
      await placed('member2 4', 'fast');
      await eventually(async () =>
        expect(
          await kubectl(`${karmada} -n ${namespace} get events --field-selector reason=DescheduleBindingSucceed`),
        ).toContain('Binding has been descheduled, 4 replica(s) in cluster(member1), 4 total descheduled replica(s)'),
      );
    });
  });
});
