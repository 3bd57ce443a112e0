/** Any process may be killed at any moment: it comes back, the migration ends right, and nothing acknowledged is lost. */
import { readFileSync } from 'node:fs';
import { describe, expect, inject, it } from 'vitest';
import { rounds, seededRandom, testSeed } from '../support/full.ts';
import { eventually, kubectlFor, localEnvironment } from '../support/local-environment.ts';
import { processOf } from '../support/processes.ts';
import { example, fullyMigrated, type Item, startVariant, workloads } from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const cli = kubectlFor(environment.env);
const { kubectl, object, raw } = cli;

function kill(name: string): number {
  const { pid } = processOf(environment.karmadaHome, name);
  process.kill(pid, 'SIGKILL');
  return pid;
}

const seed = testSeed();
const random = seededRandom(seed);
const processes = [
  'karmada-controller-manager',
  'karmada-apiserver',
  'karmada-scheduler',
  'kubelite member1',
  'kubelite karmada-host',
]
  .map((name) => ({ name, rank: random() }))
  .sort((a, b) => a.rank - b.rank);

describe(`kill -9 during a migration (KARMADA_TEST_SEED=${seed})`, () => {
  for (const [index, { name }] of processes.slice(0, rounds(2, processes.length)).entries()) {
    it(`of ${name}: it comes back, and member1 is taken over without a restart`, async () => {
      const namespace = `fault-${index}`;
      await startVariant(cli, namespace);
      const before = await workloads(cli, 'member1', namespace);
      await kubectl(
        `--context karmada-apiserver -n ${namespace} apply -f ${example('pp-for-migrating-deployments-and-services.yaml')}`,
      );
      const pid = kill(name);
      await eventually(() => fullyMigrated(cli, namespace), 100_000);
      expect(processOf(environment.karmadaHome, name).pid).not.toBe(pid);
      expect(await workloads(cli, 'member1', namespace)).toEqual(before);
    });
  }
});

describe('kill -9 of the API server while clients write', () => {
  it('every acknowledged object is there afterwards', async () => {
    const namespace = 'fault-writes';
    await kubectl(`--context karmada-apiserver create namespace ${namespace}`);
    const acknowledged: string[] = [];
    const writer = async (id: number) => {
      for (let i = 0; i < 15; i++) {
        const name = `w${id}-${i}`;
        const result = await raw([
          '--context',
          'karmada-apiserver',
          '-n',
          namespace,
          'create',
          'configmap',
          name,
          '-o',
          'name',
        ]);
        if (result.code === 0) acknowledged.push(`configmap/${name}`);
      }
    };
    const writers = Promise.all([writer(0), writer(1), writer(2)]);
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(5));
    kill('karmada-apiserver');
    await writers;
    const listed = await eventually(async () =>
      (await kubectl(`--context karmada-apiserver -n ${namespace} get configmap -o name`)).trim().split('\n'),
    );
    expect(listed).toEqual(expect.arrayContaining(acknowledged));
    await kubectl(`--context karmada-apiserver delete namespace ${namespace} --wait=false`);
  });
});

describe('a member that does not answer', () => {
  it('leaves the others unaffected and gets its share when it is back', async () => {
    const namespace = 'fault-silent';
    const { pid } = processOf(environment.karmadaHome, 'kubelite member3');
    const policy = readFileSync(example('pp-for-migrating-deployments-and-services.yaml'), 'utf8').replace(
      '- member1',
      '- member1\n      - member3',
    );
    await kubectl(`--context karmada-apiserver create namespace ${namespace}`);
    await eventually(() => kubectl(`--context member3 get namespace ${namespace}`));
    process.kill(pid, 'SIGSTOP');
    try {
      await kubectl(`--context karmada-apiserver -n ${namespace} create configmap silent --from-literal=a=b`);
      await kubectl(`--context karmada-apiserver -n ${namespace} apply -f -`, {
        input: policy.replace(
          /resourceSelectors:[\s\S]*?schedulerName/,
          'resourceSelectors:\n  - apiVersion: v1\n    kind: ConfigMap\n  schedulerName',
        ),
      });
      await eventually(() => kubectl(`--context member1 -n ${namespace} get configmap silent`));
      // Work for member1 goes on while member3 holds its requests open.
      await kubectl(`--context karmada-apiserver -n ${namespace} label configmap silent step=two`);
      await eventually(async () => {
        const copy = await object<Item>(`--context member1 -n ${namespace} get configmap silent`);
        expect(copy.metadata.labels?.['step']).toBe('two');
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await eventually(async () => {
      const copy = await object<Item>(`--context member3 -n ${namespace} get configmap silent`);
      expect(copy.metadata.labels?.['step']).toBe('two');
    }, 100_000);
  });
});
