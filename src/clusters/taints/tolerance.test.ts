import { describe, expect, it } from 'vitest';
import type { Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { Toleration } from '../../apis/shared.ts';
import { noExecuteTaints, toleratedUntil } from './tolerance.ts';

const added = '2026-01-01T00:00:00Z';
const at = Date.parse(added);
const taint = (key: string, fields: Partial<Taint> = {}): Taint => ({
  key,
  effect: 'NoExecute',
  timeAdded: added,
  ...fields,
});
const exists = (key: string, tolerationSeconds?: number): Toleration => ({
  key,
  operator: 'Exists',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

describe('a placement bears with taints', () => {
  it.each<[string, Taint[], Toleration[], number]>([
    ['not at all without a toleration', [taint('a')], [], Number.NEGATIVE_INFINITY],
    ['not at all when one taint is not covered', [taint('a'), taint('b')], [exists('a')], Number.NEGATIVE_INFINITY],
    ['for ever with a toleration without time', [taint('a')], [exists('a')], Number.POSITIVE_INFINITY],
    ['for the time of the toleration', [taint('a')], [exists('a', 300)], at + 300_000],
    ['for the shortest time', [taint('a'), taint('b')], [exists('a', 300), exists('b', 60)], at + 60_000],
    ['as the first toleration that covers a taint says', [taint('a')], [exists('a', 60), exists('a')], at + 60_000],
    ['no longer than zero seconds', [taint('a')], [exists('a', -5)], at],
    ['by value', [taint('a', { value: 'x' })], [{ key: 'a', value: 'y' }], Number.NEGATIVE_INFINITY],
    ['by effect', [taint('a')], [{ ...exists('a'), effect: 'NoSchedule' }], Number.NEGATIVE_INFINITY],
  ])('%s', (_, taints, tolerations, until) => {
    expect(toleratedUntil(taints, tolerations)).toBe(until);
  });

  it('only NoExecute evicts', () => {
    expect(noExecuteTaints([taint('a'), taint('b', { effect: 'NoSchedule' })])).toEqual([taint('a')]);
    expect(noExecuteTaints(undefined)).toEqual([]);
  });
});
