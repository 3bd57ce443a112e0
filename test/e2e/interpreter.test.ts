/** The guide on interpreting a custom kind, command by command with a real kubectl. */
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { guide } from '../support/guide.ts';
import { eventually, kubectlFor, localEnvironment } from '../support/local-environment.ts';

const environment = localEnvironment(inject('home'));
const cli = kubectlFor(environment.env);
const { kubectl, object, raw } = cli;
const { step, left } = guide('interpreter.md', cli, environment.env);
const karmada = '--context karmada-apiserver';
const members = ['member1', 'member2'];

interface Workload {
  metadata: { resourceVersion: string };
  spec: { replicas: number; paused?: boolean; args?: string[] };
  status?: { readyReplicas?: number };
}
interface Binding {
  spec: { replicas?: number; clusters?: { name: string; replicas?: number }[] };
  status?: { aggregatedStatus?: { clusterName: string; health?: string; status?: object }[] };
}
const workload = (context: string) => object<Workload>(`--context ${context} get workload sample`);
const binding = () => object<Binding>(`${karmada} get rb sample-workload`);
const health = async () =>
  (await binding()).status?.aggregatedStatus?.map((item) => `${item.clusterName} ${item.health}`).sort();
const report = (member: string, ready: number) =>
  kubectl(
    `--context ${member} patch workload sample --subresource=status --type=merge -p {"status":{"readyReplicas":${ready}}}`,
  );

describe('a kind that only a customization knows', () => {
  beforeAll(async () => {
    await step('Interpret a custom kind');
    // The scheduler chooses among clusters that are known to serve the kind.
    for (const member of members)
      await eventually(async () =>
        expect(await kubectl(`${karmada} get cluster ${member} -o yaml`)).toContain('workload.example.io/v1alpha1'),
      );
    await step('Interpret a custom kind');
  });

  it('has its replicas divided', async () => {
    await eventually(async () => expect((await binding()).spec.replicas).toBe(4));
    await eventually(async () => {
      for (const member of members) expect((await workload(member)).spec).toMatchObject({ replicas: 2, args: [] });
    });
  });

  it('tells its health and sums up its status', async () => {
    expect(await step('Interpret a custom kind')).toContain('readyReplicas: 2');
    await eventually(async () => expect(await health()).toEqual(['member1 Healthy', 'member2 Unhealthy']));
    await report('member2', 2);
    await eventually(async () => expect(await health()).toEqual(['member1 Healthy', 'member2 Healthy']));
    await eventually(async () => expect((await workload('karmada-apiserver')).status).toEqual({ readyReplicas: 4 }));
  });

  it('keeps what the member owns', async () => {
    await kubectl(`--context member1 patch workload sample --type=merge -p {"spec":{"paused":true}}`);
    await kubectl(`${karmada} patch workload sample --type=merge -p {"spec":{"replicas":6}}`);
    await eventually(async () => expect((await workload('member1')).spec).toMatchObject({ replicas: 3, paused: true }));
    expect((await workload('member2')).spec.paused).toBeUndefined();
  });

  it('is interpreted anew when the customization changes', async () => {
    const script = 'function InterpretHealth(observedObj) return true end';
    const patch = JSON.stringify({ spec: { customizations: { healthInterpretation: { luaScript: script } } } });
    await eventually(async () => expect(await health()).toEqual(['member1 Unhealthy', 'member2 Unhealthy']));
    await raw([...karmada.split(' '), 'patch', 'ric', 'workload', '--type=merge', '-p', patch]);
    await eventually(async () => expect(await health()).toEqual(['member1 Healthy', 'member2 Healthy']));
  });

  it('gets an Event about a script that fails, and no script that does not compile', async () => {
    const change = (script: string) =>
      raw([
        ...[...karmada.split(' '), 'patch', 'ric', 'workload', '--type=merge', '-p'],
        JSON.stringify({ spec: { customizations: { healthInterpretation: { luaScript: script } } } }),
      ]);
    expect((await change('function InterpretHealth(')).stderr).toContain(
      'InterpreterOperation(InterpretHealth) Lua script error: workload:1:',
    );
    await change('function InterpretHealth(observedObj) while true do pcall(function() while true do end end) end end');
    await eventually(async () => expect(await health()).toEqual(['member1 Unknown', 'member2 Unknown']));
    await eventually(async () =>
      expect(await kubectl(`${karmada} get events -A --field-selector reason=InterpretFailed`)).toContain(
        'InterpretHealth: the script ran',
      ),
    );
    await step('What a script may do');
    expect(left()).toEqual([]);
    expect((await workload('member1')).spec.replicas).toBe(3);
  });
});
