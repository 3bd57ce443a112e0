/** The guide on policies and overrides, command by command with a real kubectl. */
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { eventually, kubectlFor, localEnvironment, projectRoot } from '../support/local-environment.ts';
import { type ConditionHolder, condition, type Item } from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const { kubectl, object, raw } = kubectlFor(environment.env);

const file = (name: string) => join(projectRoot, 'examples/overrides', name);
const karmada = '--context karmada-apiserver';

interface Deployment extends Item {
  spec: { template: { spec: { containers: { image: string }[] } } };
}
const web = (context: string) => object<Deployment>(`--context ${context} -n shop get deploy web`);
const image = async (context: string) => (await web(context)).spec.template.spec.containers[0]?.image;
const team = async (context: string) => (await web(context)).metadata.labels?.['team'];

describe('policies and overrides', () => {
  beforeAll(async () => {
    await kubectl(`${karmada} create namespace shop`);
    await kubectl(`${karmada} -n shop apply -f ${file('web.yaml')}`);
    await kubectl(`${karmada} -n shop apply -f ${file('propagation-policy.yaml')}`);
  });

  it('a Deployment and the ConfigMap that it needs reach both members', async () => {
    for (const member of ['member1', 'member2']) {
      await eventually(async () => expect(await image(member)).toBe('nginx:1.27'));
      const settings = await eventually(() =>
        object<{ data: Record<string, string> }>(`--context ${member} -n shop get configmap web-settings`),
      );
      expect(settings.data).toEqual({ GREETING: 'hello' });
    }
    await eventually(async () => {
      for (const name of ['web-deployment', 'web-settings-configmap']) {
        const binding = await object<ConditionHolder>(`${karmada} -n shop get rb ${name}`);
        expect(condition(binding, 'FullyApplied')?.status).toBe('True');
      }
    });
    expect((await raw('--context member3 -n shop get deploy web'.split(' '))).stderr).toContain('not found');
  });

  it('an OverridePolicy changes the image for member2 only', async () => {
    await kubectl(`${karmada} -n shop apply -f ${file('mirror-for-member2.yaml')}`);
    await eventually(async () => expect(await image('member2')).toBe('mirror.example.com/nginx:1.27'));
    expect(await image('member1')).toBe('nginx:1.27');
    expect(await image('karmada-apiserver')).toBe('nginx:1.27');
    const work = await object<{ items: Item[] }>(`${karmada} -n karmada-es-member2 get work`);
    const told = work.items.flatMap((item) => item.metadata.annotations?.['policy.karmada.io/applied-overrides'] ?? []);
    expect(told.join()).toContain('"policyName":"mirror-for-member2"');
    await eventually(async () =>
      expect(
        await kubectl(`${karmada} -n shop get events --field-selector reason=ApplyOverridePolicySucceed`),
      ).toContain('Apply override policy(shop/mirror-for-member2) for cluster(member2) succeed.'),
    );
  });

  it('a ClusterOverridePolicy labels it everywhere', async () => {
    await kubectl(`${karmada} apply -f ${file('label-everywhere.yaml')}`);
    for (const member of ['member1', 'member2'])
      await eventually(async () => expect(await team(member)).toBe('platform'));
    expect(await team('karmada-apiserver')).toBeUndefined();
    expect(await kubectl(`${karmada} get cop,op -A -o name`)).toContain(
      'clusteroverridepolicy.policy.karmada.io/label-everywhere',
    );
  });

  it('without them everything is as the template says', async () => {
    await kubectl(`${karmada} -n shop delete op mirror-for-member2`);
    await kubectl(`${karmada} delete cop label-everywhere`);
    for (const member of ['member1', 'member2']) {
      await eventually(async () => expect(await team(member)).toBeUndefined());
      await eventually(async () => expect(await image(member)).toBe('nginx:1.27'));
    }
  });

  it('one that names a field wrongly is refused with its path', async () => {
    const policy = `
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: bad, namespace: shop}
spec:
  overrideRules:
    - overriders:
        fieldOverrider: [{fieldPath: data, json: [{subPath: /a, operator: add}]}]
`;
    const { code, stderr } = await raw([...karmada.split(' '), 'apply', '-f', '-'], { input: policy });
    expect(code).toBe(1);
    expect(stderr).toContain('spec.overrideRules[0].overriders.fieldOverrider[0].fieldPath');
    expect(stderr).toContain('value is required for add or replace operation');
  });

  it('what a template needs no more leaves the members', async () => {
    await kubectl(`${karmada} -n shop patch pp web --type=merge -p {"spec":{"propagateDeps":false}}`);
    for (const member of ['member1', 'member2'])
      await eventually(async () =>
        expect((await raw(`--context ${member} -n shop get configmap web-settings`.split(' '))).stderr).toContain(
          'not found',
        ),
      );
    expect(await image('member1')).toBe('nginx:1.27');
  });

  it('what the policy preserves stays in the members when its template goes, and belongs to nobody', async () => {
    const pods = async (member: string) =>
      (await object<{ items: Item[] }>(`--context ${member} -n shop get pods`)).items.map(
        ({ metadata }) => metadata.uid,
      );
    const before = await Promise.all(['member1', 'member2'].map(pods));
    await kubectl(`${karmada} -n shop patch pp web --type=merge -p {"spec":{"preserveResourcesOnDeletion":true}}`);
    for (const member of ['member1', 'member2'])
      await eventually(async () =>
        expect(
          await kubectl(
            `${karmada} -n karmada-es-${member} get work -o jsonpath={.items[*].spec.preserveResourcesOnDeletion}`,
          ),
        ).toContain('true'),
      );
    await kubectl(`${karmada} -n shop delete -f ${file('web.yaml')}`);
    for (const member of ['member1', 'member2'])
      await eventually(async () =>
        expect(Object.keys((await web(member)).metadata.labels ?? {}).filter((key) => key.includes('karmada'))).toEqual(
          [],
        ),
      );
    expect(await kubectl(`${karmada} -n shop get rb -o name`)).toBe('');
    expect(await Promise.all(['member1', 'member2'].map(pods))).toEqual(before);
  });
});
