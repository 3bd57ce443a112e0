/**
 * The seamless migration, command by command as its guide prints it, with a real kubectl: one cluster's workloads come
 * under the control plane and nothing in them restarts, moves or changes its address.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { guide } from '../support/guide.ts';
import { eventually, kubectlFor, localEnvironment } from '../support/local-environment.ts';
import {
  type ConditionHolder,
  condition,
  example,
  type Item,
  rolledOut,
  startVariant,
  workloads,
} from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const cli = kubectlFor(environment.env);
const { kubectl, object } = cli;
const migration = guide('seamless-migration.md', cli, environment.env);
const rollBack = guide('roll-back.md', cli, environment.env);

const migratePolicy = example('pp-for-migrating-deployments-and-services.yaml');
const nginxPolicy = example('pp-for-nginx-app.yaml');

const hello = '--context karmada-apiserver -n karmada-es-member1';
const helloWork = 'hello-deploy-6ddcd7cc79';

async function fullyApplied(namespace: string, binding: string): Promise<void> {
  const rb = await object<ConditionHolder>(`--context karmada-apiserver -n ${namespace} get rb ${binding}`);
  expect(condition(rb, 'FullyApplied')?.status).toBe('True');
}

describe('without the gate PropagationPolicyPreemption', () => {
  const namespace = 'without-gate';

  it('a policy of higher priority with preemption Always claims nothing', async () => {
    await startVariant(cli, namespace);
    await kubectl(`--context karmada-apiserver -n ${namespace} apply -f ${migratePolicy}`);
    await eventually(() => fullyApplied(namespace, 'nginx-deploy-deployment'));
    const before = await workloads(cli, 'member1', namespace);

    await kubectl(`--context karmada-apiserver -n ${namespace} apply -f ${nginxPolicy}`);
    // A later change of the template still flows under migrate-pp: nginx-pp was there all the time and did nothing.
    await kubectl(`--context karmada-apiserver -n ${namespace} label deploy nginx-deploy touched=yes`);
    await eventually(async () => {
      const deploy = await object<Item>(`--context member1 -n ${namespace} get deploy nginx-deploy`);
      expect(deploy.metadata.labels?.['touched']).toBe('yes');
    });
    const template = await object<Item>(`--context karmada-apiserver -n ${namespace} get deploy nginx-deploy`);
    expect(template.metadata.annotations?.['propagationpolicy.karmada.io/name']).toBe('migrate-pp');
    expect(await kubectl(`--context member2 -n ${namespace} get deploy -o name`)).toBe('');
    expect(await workloads(cli, 'member1', namespace)).toEqual(before);
  });
});

describe('with conflictResolution Abort', () => {
  const namespace = 'abort';

  it('the conflict is told on Work and binding, and the member is untouched', async () => {
    await startVariant(cli, namespace);
    const before = await object<Item>(`--context member1 -n ${namespace} get deploy nginx-deploy`);
    const policy = readFileSync(migratePolicy, 'utf8').replace(
      'conflictResolution: Overwrite',
      'conflictResolution: Abort',
    );
    await kubectl(`--context karmada-apiserver -n ${namespace} apply -f -`, { input: policy });

    await eventually(async () => {
      const works = await object<{ items: (Item & ConditionHolder)[] }>(
        '--context karmada-apiserver -n karmada-es-member1 get works',
      );
      const work = works.items.find(
        (item) =>
          item.metadata.annotations?.['resourcebinding.karmada.io/name'] === 'nginx-deploy-deployment' &&
          item.metadata.annotations['resourcebinding.karmada.io/namespace'] === namespace,
      );
      const applied = work && condition(work, 'Applied');
      expect(applied).toMatchObject({ status: 'False', reason: 'AppliedFailed' });
      expect(applied?.message).toContain(
        `resource(kind=Deployment, ${namespace}/nginx-deploy) already exists in the cluster member1 and the work.karmada.io/conflict-resolution strategy value is empty, Karmada will not manage this resource`,
      );
    });
    await eventually(async () => {
      const table = await kubectl(`--context karmada-apiserver -n ${namespace} get rb`);
      expect(table).toMatch(/^nginx-deploy-deployment\s+True\s+False\s/m);
    });
    const after = await object<Item>(`--context member1 -n ${namespace} get deploy nginx-deploy`);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });
});

describe('the walk', () => {
  const takeOver = '3. Templates, and a policy with `conflictResolution: Overwrite`';
  let before: Awaited<ReturnType<typeof workloads>>;

  beforeAll(async () => {
    expect(await migration.step('1. Switch preemption on')).toBe(
      'deployment.apps/karmada-controller-manager replaced\n',
    );
    await kubectl(
      '--context karmada-host -n karmada-system rollout status deploy/karmada-controller-manager --timeout=60s',
    );
  });

  it('starts with an application in member1', async () => {
    expect(await migration.step('2. What is there already')).toBe(
      'deployment.apps/nginx-deploy created\nservice/nginx-svc created\ndeployment.apps/hello-deploy created\nservice/hello-svc created\n',
    );
    await rolledOut(cli, 'member1', 'default');
    before = await workloads(cli, 'member1', 'default');
    expect(before.filter((item) => item.kind === 'Pod')).toHaveLength(4);
  });

  it('the same manifests are created on the control plane, and nothing happens in member1', async () => {
    expect(await migration.step(takeOver)).toBe(
      'deployment.apps/nginx-deploy created\nservice/nginx-svc created\ndeployment.apps/hello-deploy created\nservice/hello-svc created\n',
    );
    expect(await workloads(cli, 'member1', 'default')).toEqual(before);
  });

  it('migrate-pp takes everything over', async () => {
    expect(await migration.step(takeOver)).toContain('propagationpolicy.policy.karmada.io/migrate-pp created\n');
    const deployments = await eventually(async () => {
      const text = await kubectl('--context karmada-apiserver get deploy');
      expect(text).toMatch(/^nginx-deploy\s+2\/2\s+2\s+2\s+\S+$/m);
      expect(text).toMatch(/^hello-deploy\s+2\/2\s+2\s+2\s+\S+$/m);
      return text;
    });
    expect(deployments.split('\n')[0]).toMatch(/^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE$/);
    const bindings = await eventually(async () => {
      const text = await kubectl('--context karmada-apiserver get rb');
      for (const name of [
        'nginx-deploy-deployment',
        'nginx-svc-service',
        'hello-deploy-deployment',
        'hello-svc-service',
      ]) {
        expect(text).toMatch(new RegExp(`^${name}\\s+True\\s+True\\s+\\S+$`, 'm'));
      }
      return text;
    });
    expect(bindings.split('\n')[0]).toMatch(/^NAME\s+SCHEDULED\s+FULLYAPPLIED\s+AGE$/);
    const taken = await object<Item>('--context member1 get deploy nginx-deploy');
    expect(taken.metadata.labels).toMatchObject({ 'karmada.io/managed': 'true' });
    expect(await workloads(cli, 'member1', 'default')).toEqual(before);
  });

  it('nginx-pp claims nginx and spreads it to member2', async () => {
    expect(await migration.step('4. Spread one application')).toContain(
      'propagationpolicy.policy.karmada.io/nginx-pp created\n',
    );
    const deployments = await eventually(async () => {
      const text = await kubectl('--context member2 get deploy -o wide');
      expect(text).toMatch(/^nginx-deploy\s+2\/2\s+2\s+2\s+\S+\s+nginx\s+nginx:latest\s+app=nginx$/m);
      return text;
    });
    expect(deployments.split('\n')[0]).toMatch(
      /^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\s+CONTAINERS\s+IMAGES\s+SELECTOR$/,
    );
    expect(deployments).not.toContain('hello');
    const services = await kubectl('--context member2 get svc -o wide');
    expect(services.split('\n')[0]).toMatch(/^NAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE\s+SELECTOR$/);
    expect(services).toMatch(/^nginx-svc\s+NodePort\s+\d+\.\d+\.\d+\.\d+\s+<none>\s+80:30000\/TCP\s+\S+\s+app=nginx$/m);
    await eventually(() => fullyApplied('default', 'nginx-deploy-deployment'));
    await eventually(async () => {
      expect(await kubectl('--context karmada-apiserver get deploy nginx-deploy')).toMatch(/^nginx-deploy\s+4\/2\s/m);
    });
    const events = await kubectl('--context karmada-apiserver get events');
    expect(events).toContain(
      'Propagation policy(default/nginx-pp) preempted propagation policy(default/migrate-pp) successfully',
    );
    expect(await workloads(cli, 'member1', 'default')).toEqual(before);
  });

  it('once settled, nothing is written but leases, heartbeats and events', async () => {
    const contexts = ['karmada-apiserver', 'member1', 'member2', 'member3', 'karmada-host'];
    const kinds = 'deploy,rs,pod,svc,endpoints,endpointslices,cm,secret,sa,ns';
    const karmadaKinds = `${kinds},pp,rb,works,clusters`;
    const versions = async () => {
      const seen: Record<string, string> = {};
      for (const context of contexts) {
        const list = await object<{ items: Item[] }>(
          `--context ${context} get ${context === 'karmada-apiserver' ? karmadaKinds : kinds} -A`,
        );
        for (const item of list.items)
          seen[`${context} ${item.kind} ${item.metadata.uid} ${item.metadata.name}`] = item.metadata.resourceVersion;
      }
      return seen;
    };
    const renewals = async () => {
      const lease = await object<{ spec: { renewTime: string } }>(
        '--context member1 -n kube-node-lease get lease member1-control-plane',
      );
      return lease.spec.renewTime;
    };
    // Two renewals of a node lease span more than one round of every periodic task (cluster status: 10 s). The last change
    // of the walk may still reach the status of a cluster in the first round; a controller that keeps writing never settles.
    await eventually(async () => {
      const first = await versions();
      for (let round = 0; round < 2; round++) {
        const last = await renewals();
        await eventually(async () => expect(await renewals()).not.toBe(last));
      }
      expect(await versions()).toEqual(first);
    }, 60_000);
    expect(await workloads(cli, 'member1', 'default')).toEqual(before);
  });

  it('a namespace that is there can be taken over, too', async () => {
    for (const context of ['member1', 'member2']) await kubectl(`--context ${context} create namespace bakery`);
    await migration.step('Namespaces that are there already');
    for (const context of ['member1', 'member2'])
      await eventually(async () =>
        expect((await object<Item>(`--context ${context} get namespace bakery`)).metadata.labels).toMatchObject({
          'karmada.io/managed': 'true',
        }),
      );
    expect(migration.left()).toEqual([]);
  });

  it('a policy is suspended for a moment', async () => {
    await rollBack.step('Stop for a moment');
    const suspended = async () =>
      (await object<{ spec: { suspendDispatching?: boolean } }>(`${hello} get work ${helloWork}`)).spec
        .suspendDispatching;
    await eventually(async () => expect(await suspended()).toBe(true));
    await rollBack.step('Stop for a moment');
    await eventually(async () => expect(await suspended()).toBe(false));
  });

  it('an application is let go and runs on', async () => {
    await rollBack.step('Let one application go');
    await eventually(async () =>
      expect(await kubectl(`${hello} get work ${helloWork} -o jsonpath={.spec.preserveResourcesOnDeletion}`)).toBe(
        'true',
      ),
    );
    await rollBack.step('Let one application go');
    await eventually(async () =>
      expect(await kubectl('--context member1 get deploy hello-deploy --show-labels')).not.toContain('karmada.io'),
    );
    expect(await workloads(cli, 'member1', 'default')).toEqual(before);
    expect(rollBack.left()).toEqual([]);
  });
});
