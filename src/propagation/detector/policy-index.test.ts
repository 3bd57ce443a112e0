import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { PropagationPolicy, PropagationSpec } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { PolicyIndex } from './policy-index.ts';

const template: Unstructured = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'default', name: 'nginx', labels: { app: 'nginx', tier: 'web' } },
};
const selector = { apiVersion: 'apps/v1', kind: 'Deployment' };

function policy(
  name: string,
  spec: Partial<PropagationSpec>,
  metadata: PropagationPolicy['metadata'] = { namespace: 'default' },
): PropagationPolicy {
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name, ...metadata },
    spec: { resourceSelectors: [selector], ...spec },
  };
}

const best = (...policies: PropagationPolicy[]): string | undefined => {
  const index = new PolicyIndex();
  for (const each of policies) index.set(each);
  return index.best(template)?.metadata.name;
};

describe('which policy matches', () => {
  const app = (app: string) => ({ matchLabels: { app } });
  const matching: [string, PropagationSpec['resourceSelectors'], boolean][] = [
    ['the kind', [selector], true],
    ['another kind', [{ ...selector, kind: 'StatefulSet' }], false],
    ['another version', [{ ...selector, apiVersion: 'apps/v1beta1' }], false],
    ['the name', [{ ...selector, name: 'nginx' }], true],
    ['another name', [{ ...selector, name: 'other' }], false],
    ['the name, whatever the labels', [{ ...selector, name: 'nginx', labelSelector: app('x') }], true],
    ['its labels', [{ ...selector, labelSelector: app('nginx') }], true],
    ['other labels', [{ ...selector, labelSelector: app('x') }], false],
    ['one of two labels', [{ ...selector, labelSelector: { matchLabels: { app: 'nginx', tier: 'db' } } }], false],
    [
      'an expression',
      [{ ...selector, labelSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } }],
      true,
    ],
    ['empty labels', [{ ...selector, labelSelector: {} }], true],
    ['its namespace', [{ ...selector, namespace: 'default' }], true],
    ['another namespace', [{ ...selector, namespace: 'other' }], false],
    [
      'the second selector',
      [
        { ...selector, name: 'other' },
        { ...selector, name: 'nginx' },
      ],
      true,
    ],
  ];
  it.each(matching)('%s', (_name, resourceSelectors, expected) => {
    expect(best(policy('p', { resourceSelectors }))).toBe(expected ? 'p' : undefined);
    expect(best(policy('p', { resourceSelectors }, {}))).toBe(expected ? 'p' : undefined);
  });

  it('a namespaced policy means only its own namespace', () => {
    expect(best(policy('p', {}, { namespace: 'other' }))).toBeUndefined();
  });

  it('a policy that is being deleted takes nothing', () => {
    expect(best(policy('p', {}, { namespace: 'default', deletionTimestamp: '2026-01-01T00:00:00Z' }))).toBeUndefined();
  });

  it('follows changes and deletions', () => {
    const index = new PolicyIndex();
    index.set(policy('p', {}));
    index.set(policy('p', { resourceSelectors: [{ ...selector, name: 'other' }] }));
    expect(index.best(template)).toBeUndefined();
    index.set(policy('p', { resourceSelectors: [{ ...selector, name: 'nginx' }] }));
    expect(index.best(template)?.metadata.name).toBe('p');
    index.delete('default/p');
    expect(index.best(template)).toBeUndefined();
  });
});

describe('which policy wins', () => {
  const byName = { resourceSelectors: [{ ...selector, name: 'nginx' }] };
  const byLabel = { resourceSelectors: [{ ...selector, labelSelector: { matchLabels: { app: 'nginx' } } }] };
  it.each([
    ['higher explicit priority, whatever the selector', [policy('a', byName), policy('z', { priority: 1 })], 'z'],
    ['then the name before the label', [policy('a', byLabel), policy('z', byName)], 'z'],
    ['then the label before the kind', [policy('a', {}), policy('z', byLabel)], 'z'],
    ['then the smaller name', [policy('z', byLabel), policy('a', byLabel)], 'a'],
    ['a negative priority loses', [policy('a', { priority: -1, ...byName }), policy('z', {})], 'z'],
  ])('%s', (_name, policies, expected) => {
    expect(best(...policies)).toBe(expected);
    expect(best(...policies.toReversed())).toBe(expected);
  });
});

describe('cost', () => {
  it('does not look at policies that cannot match', () => {
    const index = new PolicyIndex();
    let reads = 0;
    for (let i = 0; i < 1000; i++) {
      const other = policy(`p${i}`, { resourceSelectors: [{ ...selector, name: `other-${i}` }] });
      index.set(other);
      const { spec } = other;
      Object.defineProperty(other, 'spec', {
        get() {
          reads++;
          return spec;
        },
      });
    }
    expect(index.best(template)).toBeUndefined();
    expect(reads).toBe(0);
  });
});
