import { expect, it } from 'vitest';
import type { ClusterTaintPolicy } from '../apis/policy/v1alpha1/cluster-taint-policy.ts';
import { validateClusterTaintPolicy } from './cluster-taint-policy.ts';

const policy = (...taints: ClusterTaintPolicy['spec']['taints']): ClusterTaintPolicy => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'ClusterTaintPolicy',
  metadata: { name: 'x' },
  spec: { taints },
});
const a = { key: 'a', effect: 'NoSchedule' } as const;
const evicting = { key: 'a', effect: 'NoExecute' } as const;

it.each<[string, ClusterTaintPolicy, boolean, string[]]>([
  ['taints of different keys or effects', policy(a, evicting, { ...a, key: 'b' }), true, []],
  [
    'NoExecute only with the flag',
    policy(a, evicting),
    false,
    [
      'spec.taints[1]: Forbidden: Configuring taint with NoExecute effect is not allowed, this capability must be explicitly enabled by administrators through command-line flags',
    ],
  ],
  [
    'a key and effect once: the earlier ones are told',
    policy(a, { ...a, value: 'x' }, a),
    true,
    ['spec.taints[0]: ', 'spec.taints[1]: '].map(
      (path) => `${path}Duplicate value: "Duplicate taint with the same key(a) and effect(NoSchedule) is not allowed"`,
    ),
  ],
])('%s', (_, object, allowNoExecute, told) => {
  expect(validateClusterTaintPolicy(object, allowNoExecute)).toEqual(told);
});
