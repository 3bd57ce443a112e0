import { describe, expect, it } from 'vitest';
import { leaseOf } from './flag-groups.ts';

describe('leaseOf', () => {
  const flags = (lease: number, renew: number, retry: number) => ({
    'leader-elect': true,
    'leader-elect-resource-name': 'n',
    'leader-elect-resource-namespace': 'ns',
    'leader-elect-lease-duration': lease,
    'leader-elect-renew-deadline': renew,
    'leader-elect-retry-period': retry,
  });

  it.each([
    [10, 10, 2, '--leader-elect-lease-duration must be greater than --leader-elect-renew-deadline'],
    [15, 2, 2, '--leader-elect-renew-deadline must be greater than 1.2 times --leader-elect-retry-period'],
    [15, 10, 0, '--leader-elect-retry-period must be greater than zero'],
  ])('refuses lease %i, deadline %i, period %i', (lease, renew, retry, message) => {
    expect(() => leaseOf(flags(lease, renew, retry))).toThrow(message);
  });

  it('takes what leaves time to stop', () => {
    expect(leaseOf(flags(15, 10, 2))).toMatchObject({ name: 'n', namespace: 'ns', renewDeadline: 10 });
    expect(leaseOf({ ...flags(1, 2, 3), 'leader-elect': false })).toBeUndefined();
  });
});
