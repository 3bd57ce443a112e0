import { describe, expect, it } from 'vitest';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { validateResourceBinding } from './resource-binding.ts';

const binding = (names: string[], dependencies?: string): ResourceBinding => ({
  apiVersion: 'work.karmada.io/v1alpha2',
  kind: 'ResourceBinding',
  metadata: {
    name: 'rb',
    ...(dependencies === undefined ? {} : { annotations: { 'resourcebinding.karmada.io/dependencies': dependencies } }),
  },
  spec: {
    resource: { apiVersion: 'ray.io/v1', kind: 'RayCluster', name: 'r' },
    components: names.map((name) => ({ name, replicas: 1 })),
  },
});

describe('a ResourceBinding', () => {
  it.each<[string, ResourceBinding, string[]]>([
    ['with components of different names', binding(['head', 'worker']), []],
    [
      'with a component without a name',
      binding(['head', '']),
      ['spec.components[1].name: Invalid value: "": component names must be non-empty'],
    ],
    [
      'with two components of a name',
      binding(['head', 'head']),
      ['spec.components[1].name: Invalid value: "head": component names must be unique'],
    ],
    ['with dependencies', binding([], '[{"apiVersion":"v1"}]'), []],
    [
      'with dependencies that are no list',
      binding([], '{}'),
      [
        'metadata.annotations.resourcebinding.karmada.io/dependencies: Invalid value: "{}": annotation value must be a valid JSON',
      ],
    ],
  ])('%s', (_, object, findings) => {
    expect(validateResourceBinding(object)).toEqual(findings);
  });
});
