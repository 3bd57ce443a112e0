import { describe, expect, it } from 'vitest';
import type { ClusterOverridePolicy, OverridePolicy } from '../apis/policy/v1alpha1/override-policy.ts';
import { mutateOverridePolicy, validateClusterOverridePolicy, validateOverridePolicy } from './override-policy.ts';

const policy = (spec: object): OverridePolicy =>
  ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'OverridePolicy',
    metadata: { name: 'x', namespace: 'default' },
    spec,
  }) as OverridePolicy;
const clusterPolicy = (spec: object): ClusterOverridePolicy =>
  ({ ...policy(spec), kind: 'ClusterOverridePolicy', metadata: { name: 'x' } }) as ClusterOverridePolicy;
const rule = (overriders: object) => ({ overrideRules: [{ overriders }] });
const field = (overrider: object) => rule({ fieldOverrider: [{ fieldPath: '/data/x', ...overrider }] });
const nginx = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' };
const cloud = { fieldSelector: { matchExpressions: [{ key: 'cloud', operator: 'In', values: ['x'] }] } };
const cloudTold =
  'Invalid value: {"matchExpressions":[{"key":"cloud","operator":"In","values":["x"]}]}: unsupported key "cloud", must be provider, region, or zone';
const pointer = 'JSON pointer must be empty or start with a "/"';

const rules: [string, object, string][] = [
  ['field selectors of targetCluster', { targetCluster: cloud }, `spec.targetCluster.fieldSelector: ${cloudTold}`],
  [
    'rules or targetCluster',
    { overrideRules: [], targetCluster: { clusterNames: ['m1'] } },
    'spec.targetCluster: Invalid value: {"clusterNames":["m1"]}: overrideRules and targetCluster can\'t co-exist',
  ],
  [
    'rules or overriders',
    { overrideRules: [], overriders: { plaintext: [{ operator: 'remove', path: '/x' }], argsOverrider: [] } },
    'spec.overriders: Invalid value: {"plaintext":[{"path":"/x","operator":"remove","value":null}]}: overrideRules and overriders can\'t co-exist',
  ],
  [
    'keys of annotations',
    rule({ annotationsOverrider: [{ operator: 'add', value: { 'a b': 'x' } }] }),
    'spec.overrideRules[0].overriders.annotationsOverrider[0].value: Invalid value: "a b": name part must consist of',
  ],
  [
    'size of annotations',
    rule({ annotationsOverrider: [{ operator: 'add', value: { a: 'x'.repeat(262144) } }] }),
    'spec.overrideRules[0].overriders.annotationsOverrider[0].value: Too long: may not be more than 262144 bytes',
  ],
  [
    'keys of labels',
    rule({ labelsOverrider: [{ operator: 'add', value: { 'a b': 'x' } }] }),
    'spec.overrideRules[0].overriders.labelsOverrider[0].value: Invalid value: "a b": name part must consist of',
  ],
  [
    'values of labels',
    rule({ labelsOverrider: [{ operator: 'add', value: { a: 'x y' } }] }),
    'spec.overrideRules[0].overriders.labelsOverrider[0].value: Invalid value: "x y": a valid label must be',
  ],
  [
    'the path of an image',
    rule({ imageOverrider: [{ component: 'Tag', operator: 'remove', predicate: { path: 'spec' } }] }),
    `spec.overrideRules[0].overriders.imageOverrider[0].predicate.path: Invalid value: "spec": ${pointer}`,
  ],
  [
    'json or yaml',
    field({ json: [{ subPath: '/a', operator: 'remove' }], yaml: [{ subPath: '/a', operator: 'remove' }] }),
    'spec.overrideRules[0].overriders.fieldOverrider[0]: Invalid value: {"fieldPath":"/data/x","json":[{"subPath":"/a","operator":"remove","value":null}],"yaml":[{"subPath":"/a","operator":"remove","value":null}]}: FieldOverrider has both YAML and JSON set. Only one is allowed',
  ],
  [
    'json, yaml or what else',
    field({}),
    'spec.overrideRules[0].overriders.fieldOverrider[0]: Required value: FieldOverrider must have either JSON or YAML set',
  ],
  [
    'the path of a field',
    field({ fieldPath: 'data', json: [{ subPath: '/a', operator: 'remove' }] }),
    `spec.overrideRules[0].overriders.fieldOverrider[0].fieldPath: Invalid value: "data": ${pointer}`,
  ],
  [
    'the path in a field',
    field({ yaml: [{ subPath: 'a', operator: 'remove' }] }),
    `spec.overrideRules[0].overriders.fieldOverrider[0].yaml[0].subPath: Invalid value: "a": ${pointer}`,
  ],
  ...['add', 'replace'].map((operator): [string, object, string] => [
    `${operator} needs a value`,
    field({ json: [{ subPath: '/a', operator }] }),
    'spec.overrideRules[0].overriders.fieldOverrider[0].json[0].value: Invalid value: "": value is required for add or replace operation',
  ]),
  [
    'remove takes no value',
    field({ yaml: [{ subPath: '/a', operator: 'remove', value: 1 }] }),
    'spec.overrideRules[0].overriders.fieldOverrider[0].yaml[0].value: Invalid value: 1: value is not allowed for remove operation',
  ],
  [
    'field selectors of rules',
    { overrideRules: [{ targetCluster: cloud, overriders: {} }] },
    `spec.overrideRules[0].targetCluster.fieldSelector: ${cloudTold}`,
  ],
];

describe('override policies', () => {
  it.each(rules)('%s', (_, spec, told) => {
    for (const found of [validateOverridePolicy(policy(spec)), validateClusterOverridePolicy(clusterPolicy(spec))]) {
      expect(found).toHaveLength(1);
      expect(found[0]?.slice(0, told.length)).toBe(told);
    }
  });

  it.each<[string, object]>([
    ['rules alone', rule({ plaintext: [{ path: '/x', operator: 'remove' }] })],
    ['a lone fieldOverrider beside rules', { overrideRules: [], overriders: { fieldOverrider: [{ fieldPath: 'x' }] } }],
    ['anything in the old overriders', { overriders: { imageOverrider: [{ predicate: { path: 'x' } }] } }],
    ['null as a value', field({ json: [{ subPath: '/a', operator: 'add', value: null }] })],
    ['no selectors', {}],
  ])('allow %s', (_, spec) => {
    expect(validateOverridePolicy(policy(spec))).toEqual([]);
  });

  it('empty namespaces of selectors are filled, and others refused', () => {
    const object = policy({ resourceSelectors: [nginx, { ...nginx, namespace: 'other' }] });
    mutateOverridePolicy(object, 'default');
    expect(object.spec.resourceSelectors?.map(({ namespace }) => namespace)).toEqual(['default', 'other']);
    expect(validateOverridePolicy(object)).toEqual([
      'spec.resourceSelectors[1].namespace: Invalid value: "other": namespace of resource selector must be the same as the namespace of the policy',
    ]);
    expect(validateClusterOverridePolicy(clusterPolicy(object.spec))).toEqual([]);
  });
});
