import { afterAll, describe, expect, it } from 'vitest';
import { createLuaPool } from '../interpreter/lua/pool.ts';
import { validateResourceInterpreterCustomization } from './resource-interpreter-customization.ts';

const pool = createLuaPool();
afterAll(() => pool.close());

const customization = (name: string, rules: Record<string, string>, kind = 'Workload') => ({
  apiVersion: 'config.karmada.io/v1alpha1',
  kind: 'ResourceInterpreterCustomization',
  metadata: { name },
  spec: {
    target: { apiVersion: 'example.io/v1', kind },
    customizations: Object.fromEntries(Object.entries(rules).map(([rule, luaScript]) => [rule, { luaScript }])),
  },
});
const health = { healthInterpretation: 'function InterpretHealth() return true end' };
const stored = [customization('old', { ...health, dependencyInterpretation: 'x = 1' })];
const findings = (object: ReturnType<typeof customization>) =>
  validateResourceInterpreterCustomization(object, { list: async () => stored, compile: pool.compile });

describe('ResourceInterpreterCustomization', () => {
  it.each<[string, ReturnType<typeof customization>, string[]]>([
    [
      'a second script of an operation is refused',
      customization('new', health),
      ['conflicting with InterpreterOperation(InterpretHealth) of existing ResourceInterpreterCustomization(old)'],
    ],
    ['the same object may be updated', customization('old', health), []],
    ['another kind is no conflict', customization('new', health, 'Other'), []],
    ['several may tell dependencies', customization('new', { dependencyInterpretation: 'y = 1' }), []],
    ['an empty script is none', customization('new', { healthInterpretation: '' }), []],
    ['what a script would do is not looked at', customization('new', { retention: 'while true do end' }), []],
    [
      'a script has to compile',
      customization('new', { replicaResource: 'function GetReplicas(', retention: 'x = 1' }),
      ["InterpreterOperation(InterpretReplica) Lua script error: new:1: <name> or '...' expected near <eof>"],
    ],
  ])('%s', async (_, object, expected) => {
    expect(await findings(object)).toEqual(expected);
  });
});
