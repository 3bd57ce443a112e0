import { describe, expect, it } from 'vitest';
import { accessModesText, age, labelsText, loadBalancerAddresses, moreText, selectorText } from './formats.ts';

describe('cell formats', () => {
  it('sorts labels', () => {
    expect(labelsText({ b: '2', a: '1' })).toBe('a=1,b=2');
    expect(labelsText({})).toBe('<none>');
    expect(labelsText(undefined)).toBe('<none>');
  });

  it.each([
    [{ matchLabels: { b: '2', a: '1' } }, 'a=1,b=2'],
    [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['b', 'a'] }] }, 'k in (a,b)'],
    [{ matchExpressions: [{ key: 'k', operator: 'NotIn', values: ['a'] }] }, 'k notin (a)'],
    [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }, 'k'],
    [{ matchExpressions: [{ key: 'k', operator: 'DoesNotExist' }] }, '!k'],
    [{ matchLabels: { z: '1' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] }, 'a,z=1'],
    [{ matchExpressions: [{ key: 'k', operator: 'Near' }] }, '<error>'],
    [{}, '<none>'],
    [undefined, '<none>'],
  ])('prints the selector %j as %s', (selector, text) => {
    expect(selectorText(selector)).toBe(text);
  });

  it('cuts lists', () => {
    expect(moreText(['a', 'b', 'c'], 3)).toBe('a,b,c');
    expect(moreText(['a', 'b', 'c', 'd', 'e'], 3)).toBe('a,b,c + 2 more...');
  });

  it('prints access modes in their order, once', () => {
    expect(accessModesText(['ReadWriteOncePod', 'ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteOnce'])).toBe(
      'RWO,ROX,RWOP',
    );
  });

  it('sorts and deduplicates load balancer addresses', () => {
    expect(
      loadBalancerAddresses([{ ip: '2.2.2.2' }, { hostname: 'a.b' }, { ip: '1.1.1.1' }, { ip: '2.2.2.2' }]),
    ).toEqual(['1.1.1.1', '2.2.2.2', 'a.b']);
  });

  it('does not know the age of nothing', () => {
    expect(age(undefined, 0)).toBe('<unknown>');
    expect(age('1970-01-01T00:00:00Z', 5000)).toBe('5s');
  });
});
