import { describe, expect, it } from 'vitest';
import { nextTime } from './cron-times.ts';

const timeAfter = (schedule: string, time: string, zone?: string) => {
  const next = nextTime(schedule, Date.parse(time), zone);
  return next === undefined ? undefined : new Date(next).toISOString().slice(0, 16);
};

describe('the next time of a schedule', () => {
  it.each([
    ['*/15 * * * *', '2026-01-01T10:07:30Z', '2026-01-01T10:15'],
    ['0 0 * * *', '2026-01-01T00:00:00Z', '2026-01-02T00:00'],
    ['30 6 1 * *', '2026-01-15T00:00:00Z', '2026-02-01T06:30'],
    ['0 9 * * mon-fri', '2026-01-02T09:00:00Z', '2026-01-05T09:00'],
    ['0 0 13 * fri', '2026-01-01T00:00:00Z', '2026-01-02T00:00'],
    ['0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00'],
    ['@hourly', '2026-01-01T10:00:00Z', '2026-01-01T11:00'],
    ['@every 90s', '2026-01-01T10:00:00Z', '2026-01-01T10:01'],
    ['5/20 1,3 * * *', '2026-01-01T01:25:00Z', '2026-01-01T01:45'],
  ])('%s after %s', (schedule, time, expected) => {
    expect(timeAfter(schedule, time)).toBe(expected);
  });
  it('is told in the time zone, across a change of clocks', () => {
    expect(timeAfter('0 8 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin')).toBe('2026-03-29T06:00');
    expect(timeAfter('0 8 * * *', '2026-03-27T12:00:00Z', 'Europe/Berlin')).toBe('2026-03-28T07:00');
  });
  it('never comes for a day that does not exist', () => {
    expect(timeAfter('0 0 31 2 *', '2026-01-01T00:00:00Z')).toBeUndefined();
  });
});
