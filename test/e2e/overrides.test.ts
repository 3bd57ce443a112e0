/** The guide on policies and overrides, command by command with a real kubectl. */
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { guide } from '../support/guide.ts';
import { eventually, kubectlFor, localEnvironment } from '../support/local-environment.ts';
import { type ConditionHolder, condition, type Item } from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const cli = kubectlFor(environment.env);
const { kubectl, object, raw } = cli;
const { step, left } = guide('policies-and-overrides.md', cli, environment.env);
const karmada = '--context karmada-apiserver';

interface Deployment extends Item {
  spec: { template: { spec: { containers: { image: string }[] } } };
}
const web = (context: string) => object<Deployment>(`--context ${context} -n shop get deploy web`);
const image = async (context: string) => (await web(context)).spec.template.spec.containers[0]?.image;
const team = async (context: string) => (await web(context)).metadata.labels?.['team'];

describe('policies and overrides', () => {
  beforeAll(async () => {
    await step('Policies and overrides: one template, many clusters, small differences');
    await step('Propagate');
  });

  it('a Deployment and the ConfigMap that it needs reach both members', async () => {
    expect(await step('Propagate')).toContain('"name":"web-deployment"');
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
    await step('Override');
    await eventually(async () => expect(await image('member2')).toBe('mirror.example.com/nginx:1.27'));
    expect(await image('member1')).toBe('nginx:1.27');
    expect(await image('karmada-apiserver')).toBe('nginx:1.27');
  });

  it('a ClusterOverridePolicy labels it everywhere', async () => {
    await step('Override');
    for (const member of ['member1', 'member2'])
      await eventually(async () => expect(await team(member)).toBe('platform'));
    expect(await team('karmada-apiserver')).toBeUndefined();
    expect(await kubectl(`${karmada} get cop,op -A -o name`)).toContain(
      'clusteroverridepolicy.policy.karmada.io/label-everywhere',
    );
  });

  it('Events and annotations tell what was applied', async () => {
    const told = await step('Override');
    expect(told).toContain('"policyName":"mirror-for-member2"');
    expect(told).toContain('"policyName":"label-everywhere"');
    expect(told).toContain('Apply override policy(shop/mirror-for-member2) for cluster(member2) succeed.');
  });

  it('without them everything is as the template says', async () => {
    await step('Override');
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
    await step('Stop, and keep or remove what runs');
    for (const member of ['member1', 'member2'])
      await eventually(async () =>
        expect(
          await kubectl(
            `${karmada} -n karmada-es-${member} get work -o jsonpath={.items[*].spec.preserveResourcesOnDeletion}`,
          ),
        ).toContain('true'),
      );
    await step('Stop, and keep or remove what runs');
    expect(left()).toEqual([]);
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
