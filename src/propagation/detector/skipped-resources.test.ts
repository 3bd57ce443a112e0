import { describe, expect, it } from 'vitest';
import { createSkippedResources } from './skipped-resources.ts';

const kind = (text: string) => {
  const [group = '', version = '', name = ''] = text.split('/');
  return { group, version, kind: name };
};

describe('kinds that are never templates', () => {
  const skipped = createSkippedResources('example.io;batch/v1beta1;apps/v1/StatefulSet,DaemonSet;v1/Pod,Node', []);
  it.each([
    ['policy.karmada.io/v1alpha1/PropagationPolicy', true],
    ['events.k8s.io/v1/Event', true],
    ['/v1/Event', true],
    ['coordination.k8s.io/v1/Lease', true],
    ['example.io/v2/Thing', true],
    ['batch/v1beta1/CronJob', true],
    ['batch/v1/CronJob', false],
    ['apps/v1/DaemonSet', true],
    ['apps/v1/Deployment', false],
    ['/v1/Pod', true],
    ['/v1/Node', true],
    ['/v1/ConfigMap', false],
  ])('%s: %s', (text, expected) => {
    expect(skipped.skipsKind(kind(text))).toBe(expected);
  });

  it('refuses a token that it cannot read', () => {
    expect(() => createSkippedResources('a/b/c/d', [])).toThrow('invalid skipped API "a/b/c/d"');
  });
});

describe('namespaces', () => {
  const skipped = createSkippedResources('', ['kube-.*', 'tenant-[0-9]+']);
  it.each([
    ['kube-system', true],
    ['my-kube-system', false],
    ['tenant-1', true],
    ['tenant-1a', false],
    ['karmada-system', true],
    ['karmada-cluster', true],
    ['karmada-es-member1', true],
    ['default', false],
    ['', false],
  ])('%s: %s', (namespace, expected) => {
    expect(skipped.skipsNamespace(namespace)).toBe(expected);
  });

  it('leaves out the configuration of extension servers', () => {
    const open = createSkippedResources('', []);
    const configMap = kind('/v1/ConfigMap');
    expect(open.skipsObject(configMap, 'kube-system', 'extension-apiserver-authentication')).toBe(true);
    expect(open.skipsObject(configMap, 'kube-system', 'other')).toBe(false);
  });
});
