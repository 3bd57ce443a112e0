import { describe, expect, it } from 'vitest';
import { featureGates } from '../component/feature-gates.ts';
import { assertGatesBuilt, chooseControllers } from './choose-controllers.ts';

describe('--controllers', () => {
  const all = [
    'agentcsrapproving',
    'applicationFailover',
    'binding',
    'bindingStatus',
    'cluster',
    'clusterStatus',
    'clustertaintpolicy',
    'execution',
    'gracefulEviction',
    'namespace',
    'unifiedAuth',
    'workStatus',
  ];
  it.each([
    [['*'], all],
    [['*', '-namespace'], all.filter((name) => name !== 'namespace')],
    [['-namespace', '*'], all.filter((name) => name !== 'namespace')],
    [['execution'], ['execution']],
    [['*', '-remedy'], all],
    [[], []],
  ])('%j', (words, expected) => {
    expect([...chooseControllers(words)].sort()).toEqual(expected);
  });

  it('refuses what does not exist or is not there yet', () => {
    expect(() => chooseControllers(['*', 'foo'])).toThrow('"foo" is not in the list of known controllers');
    expect(() => chooseControllers(['*', 'constructor'])).toThrow('is not in the list of known controllers');
    expect(() => chooseControllers(['*', 'remedy'])).toThrow('the controller "remedy" is not available yet');
  });
});

describe('--feature-gates', () => {
  it('the defaults and preemption are fine, a gate without its feature is refused', () => {
    assertGatesBuilt(featureGates());
    assertGatesBuilt(featureGates({ PropagationPolicyPreemption: true, ResourceQuotaEstimate: true }));
    expect(() => assertGatesBuilt(featureGates({ MultiClusterService: true }))).toThrow(
      'the feature gate MultiClusterService cannot be enabled: the feature is not available yet',
    );
  });
});
