import { afterAll, describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { CustomizationRules } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { createInterpreter } from '../interpreter.ts';
import { nativeLayer } from '../native/native.ts';
import { createDeclarativeLayer } from './customization.ts';
import { createLuaPool } from './pool.ts';

const pool = createLuaPool();
afterAll(() => pool.close());

const workload = (spec: object, extra: object = {}): Unstructured => ({
  apiVersion: 'workload.example.io/v1alpha1',
  kind: 'Workload',
  metadata: { name: 'w', namespace: 'default' },
  spec,
  ...extra,
});
const scripts = (rules: Record<string, string>): CustomizationRules =>
  Object.fromEntries(Object.entries(rules).map(([rule, luaScript]) => [rule, { luaScript }]));
const customization = (name: string, rules: Record<string, string>, kind = 'Workload') => ({
  apiVersion: 'config.karmada.io/v1alpha1',
  kind: 'ResourceInterpreterCustomization',
  metadata: { name },
  spec: { target: { apiVersion: 'workload.example.io/v1alpha1', kind }, customizations: scripts(rules) },
});

function setUp(now = () => 0) {
  const failures: string[] = [];
  const clock = { now, sleep: (_: number, signal?: AbortSignal) => never(signal) } as never;
  const layer = createDeclarativeLayer({
    pool,
    clock,
    onFailure: (about, operation, message) => failures.push(`${about.metadata.name} ${operation} ${message}`),
  });
  return { layer, failures, interpreter: createInterpreter([layer, nativeLayer]) };
}
const never = (signal?: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

describe('the declarative layer', () => {
  it('interprets each operation', async () => {
    const { layer, interpreter } = setUp();
    layer.set(
      customization('w', {
        replicaResource: `local kube = require("kube")
          function GetReplicas(obj) return obj.spec.replicas, kube.accuratePodRequirements(obj.spec.template) end`,
        replicaRevision: 'function ReviseReplica(obj, n) obj.spec.replicas = n return obj end',
        retention: 'function Retain(desired, observed) desired.spec.paused = observed.spec.paused return desired end',
        statusAggregation: `function AggregateStatus(obj, items)
          local ready = 0
          for i = 1, #items do if items[i].status ~= nil then ready = ready + items[i].status.ready end end
          obj.status = { ready = ready }
          return obj end`,
        statusReflection: 'function ReflectStatus(obj) return { ready = obj.status.ready } end',
        healthInterpretation: 'function InterpretHealth(obj) return obj.status.ready == obj.spec.replicas end',
        dependencyInterpretation: `function GetDependencies(obj)
          return { { apiVersion = "v1", kind = "Secret", namespace = obj.metadata.namespace, name = obj.spec.secret } } end`,
        componentResource: 'function GetComponents(obj) return { { name = "main", replicas = obj.spec.replicas } } end',
      }),
    );
    const template = { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] } };
    const object = workload(
      { replicas: 3, args: [], selector: {}, secret: 's', template },
      { status: { ready: 3, x: 1 } },
    );
    expect(await interpreter.find(object, 'InterpretReplica')?.(object)).toEqual({
      replicas: 3,
      requirements: { resourceRequest: { cpu: '1' } },
    });
    expect(await interpreter.find(object, 'ReviseReplica')?.(object, 1)).toEqual({
      ...object,
      spec: { ...(object['spec'] as object), replicas: 1 },
    });
    expect(await interpreter.find(object, 'Retain')?.(workload({ list: [] }), workload({ paused: true }))).toEqual(
      workload({ list: [], paused: true }),
    );
    const items = [
      { clusterName: 'm1', status: { ready: 2 } },
      { clusterName: 'm2', status: { ready: 1 } },
      { clusterName: 'm3' },
    ];
    expect(await interpreter.find(object, 'AggregateStatus')?.(object, items)).toEqual({
      ...object,
      status: { ready: 3 },
    });
    expect(await interpreter.find(object, 'InterpretStatus')?.(object)).toEqual({ ready: 3 });
    expect(await interpreter.find(object, 'InterpretHealth')?.(object)).toBe(true);
    expect(await interpreter.find(object, 'InterpretDependency')?.(object)).toEqual([
      { apiVersion: 'v1', kind: 'Secret', namespace: 'default', name: 's' },
    ]);
    expect(await interpreter.find(object, 'InterpretComponent')?.(object)).toEqual([{ name: 'main', replicas: 3 }]);
  });

  it('takes the first script by name, and all scripts for dependencies', async () => {
    const { layer, interpreter } = setUp();
    const dependency = (name: string) =>
      `function GetDependencies() return { { apiVersion = "v1", kind = "Secret", name = "${name}" } } end`;
    layer.set(
      customization('b', {
        replicaResource: 'function GetReplicas() return 2 end',
        dependencyInterpretation: dependency('y'),
      }),
    );
    layer.set(
      customization('c', {
        replicaResource: 'function GetReplicas() return 3 end',
        dependencyInterpretation: dependency('y'),
      }),
    );
    layer.set(customization('a', { replicaResource: '', dependencyInterpretation: dependency('z') }));
    const object = workload({});
    expect(await interpreter.find(object, 'InterpretReplica')?.(object)).toEqual({ replicas: 2 });
    const references = (await interpreter.find(object, 'InterpretDependency')?.(object)) ?? [];
    expect(references.map((each) => each.name)).toEqual(['y', 'z']);
  });

  it('says which kinds a change concerns, and forgets what is deleted', () => {
    const { layer, interpreter } = setUp();
    const heard: string[] = [];
    const kinds = ['Workload', 'Other', 'Third'];
    const remove = interpreter.onChange((concerns) =>
      heard.push(kinds.filter((kind) => concerns({ group: 'workload.example.io', version: 'v1alpha1', kind })).join()),
    );
    const first = customization('a', { replicaResource: 'x' });
    layer.set(first);
    layer.set(customization('a', { replicaResource: 'x' }, 'Other'));
    layer.delete(first);
    remove();
    layer.set(first);
    expect(heard).toEqual(['Workload', 'Workload,Other', 'Other']);
    layer.delete(first);
    expect(interpreter.find(workload({}), 'InterpretReplica')).toBeUndefined();
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'replicas',
      { replicaResource: 'function GetReplicas() return "x" end' },
      'expect the returned replica type is number but got string',
    ],
    [
      'health',
      { healthInterpretation: 'function InterpretHealth() return 1 end' },
      'expect the returned health type is bool but got number',
    ],
    [
      'dependencies',
      { dependencyInterpretation: 'function GetDependencies() return {{apiVersion = "v1", kind = "X"}} end' },
      'dependency can not leave name and labelSelector all empty',
    ],
    [
      'status',
      { statusReflection: 'function ReflectStatus() end' },
      'expect the returned value is a table but got nil',
    ],
  ])('refuses wrong results: %s', async (_, rules, message) => {
    const { layer, interpreter } = setUp();
    layer.set(customization('wrong', rules));
    const object = workload({});
    const operation = {
      replicas: 'InterpretReplica',
      health: 'InterpretHealth',
      dependencies: 'InterpretDependency',
      status: 'InterpretStatus',
    }[_] as 'InterpretHealth';
    await expect(interpreter.find(object, operation)?.(object)).rejects.toThrow(message);
  });

  it('sets a script aside that runs into its limits, and tells; other kinds and operations go on', async () => {
    let time = 0;
    const { layer, interpreter, failures } = setUp(() => time);
    layer.set(
      customization('loop', {
        healthInterpretation: 'function InterpretHealth() while true do end end',
        replicaResource: 'function GetReplicas() return 1 end',
      }),
    );
    layer.set(customization('good', { healthInterpretation: 'function InterpretHealth() return true end' }, 'Other'));
    const object = workload({});
    const ask = () => interpreter.find(object, 'InterpretHealth')?.(object) as Promise<boolean>;
    for (let i = 0; i < 3; i++) {
      await expect(ask()).rejects.toThrow(/the script ran (longer|more) than/);
      expect(await interpreter.find(object, 'InterpretReplica')?.(object)).toEqual({ replicas: 1 });
    }
    await expect(ask()).rejects.toThrow(
      'ResourceInterpreterCustomization(loop) InterpretHealth: set aside until 1970-01-01T00:00:10Z after',
    );
    expect(failures).toHaveLength(4);
    const other = { ...object, kind: 'Other' };
    expect(await interpreter.find(other, 'InterpretHealth')?.(other)).toBe(true);
    layer.set(customization('loop', { healthInterpretation: 'function InterpretHealth() return false end' }));
    expect(await ask()).toBe(false);
    time += 1;
  });
});
