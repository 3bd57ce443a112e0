import { describe, expect, it } from 'vitest';
import {
  bindingName,
  bindingReferenceKey,
  clusterOfExecutionSpace,
  executionSpace,
  generatedPolicyName,
  workName,
} from './naming.ts';

describe('workName', () => {
  it.each([
    ['Deployment', 'nginx', 'default', 'nginx-687f7fb96f'],
    ['Service', 'nginx', 'default', 'nginx-64b7849b5'],
    ['Namespace', 'test', '', 'test-69fd499b4c'],
    ['ClusterRole', 'karmada-impersonator', '', 'karmada-impersonator-7cbb6bd5c9'],
    ['ClusterRoleBinding', 'karmada-impersonator', '', 'karmada-impersonator-84f8c8f8c6'],
    ['ConfigMap', 'game-config', 'demo', 'game-config-5cfd6cb6d9'],
    ['ClusterRole', 'foo', '', 'foo-846f98bd4d'],
  ])('of %s %s in %j is upstream’s', (kind, name, namespace, expected) => {
    expect(workName(kind, name, namespace)).toBe(expected);
  });
});

describe('bindingName', () => {
  it('is lower case, with dots for colons', () => {
    expect(bindingName('Deployment', 'nginx')).toBe('nginx-deployment');
    expect(bindingName('ClusterRole', 'system:Foo')).toBe('system.foo-clusterrole');
  });
});

describe('bindingReferenceKey', () => {
  it.each([
    ['test', 'test-binding', '5dbb6dc9c8'],
    ['default', 'nginx-deployment', '5bdc5c4dcf'],
  ])('of %s/%s is upstream’s', (namespace, name, expected) => {
    expect(bindingReferenceKey(namespace, name)).toBe(expected);
  });
});

describe('generatedPolicyName', () => {
  it('hashes namespace and kind', () => {
    expect(generatedPolicyName('ns-foo', 'foo', 'rand')).toBe('foo-b4978784');
    expect(generatedPolicyName('default', 'nginx', 'apps/v1, Kind=Deployment')).toBe('nginx-6d7f8d5f5b');
  });
});

describe('execution spaces', () => {
  it('name a cluster, and give it back', () => {
    expect(executionSpace('member1')).toBe('karmada-es-member1');
    expect(clusterOfExecutionSpace('karmada-es-member1')).toBe('member1');
    expect(clusterOfExecutionSpace('default')).toBeUndefined();
  });
});
