/** Lazy activation, suspension, what a workload needs beside it, and rolling back: with a real kubectl. */
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { eventually, kubectlFor, localEnvironment } from '../support/local-environment.ts';
import { type ConditionHolder, condition, type Item } from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const { kubectl, object, raw } = kubectlFor(environment.env);
const karmada = '--context karmada-apiserver -n letters';
const member = (name: string) => `--context ${name} -n letters`;

interface Deployment extends Item {
  spec: { replicas: number };
}
interface Pods {
  items: (Item & { status: { containerStatuses?: { restartCount: number }[] } })[];
}

const configMap = (name: string, value: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, namespace: letters}
data: {value: "${value}"}
`;
const policy = (name: string, kind: string, target: string, spec: string) => `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: ${name}, namespace: letters}
spec:
  resourceSelectors: [{apiVersion: ${kind === 'Deployment' ? 'apps/v1' : 'v1'}, kind: ${kind}, name: ${target}}]
  placement: {clusterAffinity: {clusterNames: [member1]}}
${spec}`;
const app = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: letters}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - name: app
        image: nginx
        envFrom: [{configMapRef: {name: app-settings}}]
      volumes: [{name: token, secret: {secretName: app-token}}]
---
apiVersion: v1
kind: Secret
metadata: {name: app-token, namespace: letters}
stringData: {token: first}
`;

const apply = (context: string, input: string) => kubectl(`${context} apply -f -`, { input });
const value = async (context: string, name: string) =>
  (await object<{ data: { value: string } }>(`${context} get configmap ${name}`)).data.value;
const podsOf = async (context: string) =>
  (await object<Pods>(`${context} get pod -l app=app`)).items
    .map(({ metadata, status }) => [metadata.uid, status.containerStatuses?.[0]?.restartCount])
    .sort();

describe('propagation', () => {
  beforeAll(async () => {
    await kubectl('--context karmada-apiserver create namespace letters');
    for (const name of ['member1', 'member2'])
      await eventually(() => kubectl(`--context ${name} get namespace letters`));
  });

  it('a lazy policy changes nothing until the template changes', async () => {
    await apply(karmada, configMap('lazy', 'one'));
    await apply(karmada, policy('lazy', 'ConfigMap', 'lazy', '  activationPreference: Lazy\n'));
    await eventually(async () => {
      const { metadata } = await object<Item>(`${karmada} get configmap lazy`);
      expect(metadata.annotations?.['propagationpolicy.karmada.io/name']).toBe('lazy');
    });
    expect((await raw(`${karmada} get rb lazy-configmap`.split(' '))).stderr).toContain('not found');
    await apply(karmada, configMap('lazy', 'two'));
    await eventually(async () => expect(await value(member('member1'), 'lazy')).toBe('two'));
    // Changed placement waits as well, for the next change of the template.
    await kubectl(
      `${karmada} patch pp lazy --type=merge -p {"spec":{"placement":{"clusterAffinity":{"clusterNames":["member1","member2"]}}}}`,
    );
    await apply(karmada, configMap('lazy', 'three'));
    for (const name of ['member1', 'member2'])
      await eventually(async () => expect(await value(member(name), 'lazy')).toBe('three'));
  });

  it('what is suspended stays as it is, and catches up', async () => {
    await apply(karmada, configMap('held', 'one'));
    await apply(karmada, policy('held', 'ConfigMap', 'held', ''));
    await eventually(async () => expect(await value(member('member1'), 'held')).toBe('one'));
    await kubectl(`${karmada} patch pp held --type=merge -p {"spec":{"suspension":{"dispatching":true}}}`);
    const dispatching = async () => {
      const works = await object<{ items: (Item & ConditionHolder)[] }>(
        '--context karmada-apiserver -n karmada-es-member1 get work',
      );
      const work = works.items.find(({ metadata }) => metadata.name.startsWith('held-'));
      return condition(work ?? {}, 'Dispatching');
    };
    await eventually(async () =>
      expect(await dispatching()).toMatchObject({ status: 'False', reason: 'SuspendDispatching' }),
    );
    await apply(karmada, configMap('held', 'two'));
    await eventually(async () =>
      expect(await kubectl('--context karmada-apiserver -n karmada-es-member1 get work -o yaml')).toContain(
        'value: two',
      ),
    );
    expect(await value(member('member1'), 'held')).toBe('one');
    await kubectl(`${karmada} patch pp held --type=merge -p {"spec":{"suspension":null}}`);
    await eventually(async () => expect(await value(member('member1'), 'held')).toBe('two'));
  });

  it('an adoption is told with the fields that it changed; ConfigMap and Secret follow the Deployment', async () => {
    await apply(member('member1'), `${app}---${configMap('app-settings', 'one')}`);
    await kubectl(`${member('member1')} rollout status deploy/app --timeout=60s`);
    const before = await podsOf(member('member1'));
    await apply(
      karmada,
      `${app.replace('spec:\n  replicas: 2', 'spec:\n  minReadySeconds: 1\n  replicas: 2')}---${configMap('app-settings', 'one')}`,
    );
    await apply(
      karmada,
      policy('app', 'Deployment', 'app', '  propagateDeps: true\n  conflictResolution: Overwrite\n').replace(
        '[member1]',
        '[member1, member2]',
      ),
    );
    await eventually(async () =>
      expect(condition(await object<ConditionHolder>(`${karmada} get rb app-deployment`), 'FullyApplied')?.status).toBe(
        'True',
      ),
    );
    await eventually(async () =>
      expect(await kubectl(`${karmada} get events --field-selector reason=ResourceAdopted`)).toMatch(
        /Took over resource\(letters\/app\) in cluster member1; changed: .*spec\.minReadySeconds/,
      ),
    );
    expect(await podsOf(member('member1'))).toEqual(before);
    for (const what of ['configmap app-settings', 'secret app-token', 'deploy app'])
      await eventually(() => kubectl(`${member('member2')} get ${what}`));
  });

  it('a refused change names its field, and is applied once cured', async () => {
    const claims = (mode: string) => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk, namespace: letters}
spec:
  storageClassName: none
  accessModes: [${mode}]
  resources: {requests: {storage: 1Gi}}
`;
    await apply(member('member1'), claims('ReadWriteMany'));
    await apply(karmada, claims('ReadWriteOnce'));
    await apply(karmada, policy('disk', 'PersistentVolumeClaim', 'disk', '  conflictResolution: Overwrite\n'));
    await eventually(async () =>
      expect(await kubectl(`${karmada} get rb disk-persistentvolumeclaim -o yaml`)).toMatch(
        /refuses to change\s+spec\.accessModes\[0\] of\s+PersistentVolumeClaim\s+letters\/disk/,
      ),
    );
    await kubectl(`${member('member1')} delete pvc disk --wait=false`);
    await eventually(async () =>
      expect(
        condition(await object<ConditionHolder>(`${karmada} get rb disk-persistentvolumeclaim`), 'FullyApplied')
          ?.status,
      ).toBe('True'),
    );
  });

  it('rolls back: everything keeps running in the members, and nothing is left of the takeover', async () => {
    const before = await podsOf(member('member1'));
    await kubectl(`${karmada} patch pp app --type=merge -p {"spec":{"preserveResourcesOnDeletion":true}}`);
    await eventually(async () => {
      const works = await object<{ items: { metadata: Item['metadata']; spec: Record<string, unknown> }[] }>(
        '--context karmada-apiserver -n karmada-es-member1 get work',
      );
      const ours = works.items.filter(({ metadata }) => metadata.name.startsWith('app-'));
      expect(ours.length).toBeGreaterThan(0);
      for (const work of ours) expect(work.spec['preserveResourcesOnDeletion']).toBe(true);
    });
    await kubectl(`${karmada} delete deploy app`);
    await eventually(async () =>
      expect((await raw(`${karmada} get rb app-deployment`.split(' '))).stderr).toContain('not found'),
    );
    await eventually(async () => {
      const { metadata } = await object<Deployment>(`${member('member1')} get deploy app`);
      expect(metadata.labels?.['karmada.io/managed']).toBeUndefined();
    });
    expect(await podsOf(member('member1'))).toEqual(before);
  });
});
