import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { builtinResources } from '../kinds.ts';
import { cronScheduleError } from './cron-schedule.ts';

const kindOf = (resource: string) => builtinResources().find(({ type }) => type.resource === resource)!;
const context = { user: { name: '', groups: [] }, now: 0, dryRun: false };
const podSpec = { containers: [{ name: 'c', image: 'busybox' }], restartPolicy: 'Never' };
const base = { template: { spec: podSpec } };

function jobOf(spec: object, more: object = {}): Unstructured {
  const object = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', uid: 'u' },
    spec: structuredClone(spec),
    ...more,
  } as Unstructured;
  kindOf('jobs').default?.(object);
  kindOf('jobs').prepareForCreate?.(object, context);
  return object;
}

describe('defaults of a Job', () => {
  it('completes the minimum', () => {
    const { template, ...spec } = jobOf(base)['spec'] as { template: object };
    expect(spec).toEqual({
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      manualSelector: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } },
    });
    expect(template).toMatchObject({
      metadata: {
        labels: {
          'batch.kubernetes.io/controller-uid': 'u',
          'batch.kubernetes.io/job-name': 'j',
          'controller-uid': 'u',
          'job-name': 'j',
        },
      },
    });
  });

  it.each([
    [{ parallelism: 3 }, { parallelism: 3, completions: undefined }],
    [{ completions: 3 }, { parallelism: 1, completions: 3 }],
    [{ backoffLimitPerIndex: 1 }, { backoffLimit: 2147483647 }],
    [
      { podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'T' }] }] } },
      { podReplacementPolicy: 'Failed' },
    ],
  ])('reads %j', (spec, expected) => {
    const filled = jobOf({ ...base, ...spec })['spec'] as Record<string, unknown>;
    for (const [key, value] of Object.entries(expected)) expect(filled[key], key).toEqual(value);
  });

  it('makes no selector when it is manual', () => {
    expect(jobOf({ ...base, manualSelector: true, selector: { matchLabels: { a: 'b' } } })['spec']).toMatchObject({
      selector: { matchLabels: { a: 'b' } },
    });
  });
});

describe('validation of a Job', () => {
  const errorsOf = (object: Unstructured) =>
    (kindOf('jobs').validate?.(object) ?? []).map(({ field, message }) => `${field}: ${message}`);

  it('accepts the minimum', () => {
    expect(errorsOf(jobOf(base))).toEqual([]);
  });

  it('wants pods that end', () => {
    expect(errorsOf(jobOf({ template: { spec: { ...podSpec, restartPolicy: undefined } } }))).toContain(
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    );
  });

  it.each([
    ['the template', { template: { spec: { ...podSpec, hostname: 'h' } } }, 'spec.template'],
    ['completions', { ...base, completions: 2 }, 'spec.completions'],
  ])('keeps %s', (_, spec, field) => {
    const errors = kindOf('jobs').validateUpdate?.(jobOf(spec), jobOf(base)) ?? [];
    expect(errors.map((error) => [error.field, error.message.endsWith('field is immutable')])).toEqual([[field, true]]);
  });

  it('lets a suspended Job say where its pods go', () => {
    const suspended = { ...base, suspend: true };
    const placed = { suspend: true, template: { spec: { ...podSpec, nodeSelector: { a: 'b' } } } };
    expect(kindOf('jobs').validateUpdate?.(jobOf(placed), jobOf(suspended))).toEqual([]);
  });
});

describe('columns of a Job', () => {
  const now = Date.parse('2024-05-01T12:00:00Z');
  const row = (spec: object, status: object, metadata: object = {}) =>
    (kindOf('jobs').columns ?? [])
      .slice(1, 4)
      .map((column) =>
        column.cell({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec, status } as Unstructured, now),
      );
  const condition = (type: string) => ({ conditions: [{ type, status: 'True' }] });

  it.each([
    [{ completions: 3 }, { succeeded: 1, startTime: '2024-05-01T11:59:00Z' }, ['Running', '1/3', '60s']],
    [
      { completions: 1 },
      {
        ...condition('Complete'),
        succeeded: 1,
        startTime: '2024-05-01T11:00:00Z',
        completionTime: '2024-05-01T11:00:05Z',
      },
      ['Complete', '1/1', '5s'],
    ],
    [{ parallelism: 3 }, condition('Suspended'), ['Suspended', '0/1 of 3', '']],
    [{ parallelism: 1 }, condition('Failed'), ['Failed', '0/1', '']],
  ])('prints %j %j', (spec, status, cells) => {
    expect(row(spec, status)).toEqual(cells);
  });
});

describe('CronJobs', () => {
  const kind = kindOf('cronjobs');
  const cronJobOf = (spec: object, name = 'c'): Unstructured => {
    const object = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name },
      spec: { schedule: '@hourly', jobTemplate: { spec: base }, ...spec },
    } as unknown as Unstructured;
    const copy = structuredClone(object);
    kind.default?.(copy);
    return copy;
  };
  const errorsOf = (object: Unstructured) =>
    (kind.validate?.(object) ?? []).map(({ field, message }) => `${field}: ${message}`);

  it('have defaults', () => {
    expect(cronJobOf({})['spec']).toMatchObject({
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
  });

  it('are validated', () => {
    expect(errorsOf(cronJobOf({}))).toEqual([]);
    expect(errorsOf(cronJobOf({ schedule: 'TZ=UTC 0 * * * *' }))[0]).toContain('cannot use TZ or CRON_TZ in schedule');
    expect(errorsOf(cronJobOf({ timeZone: 'Europe/Nowhere' }))).toEqual([
      'spec.timeZone: Invalid value: "Europe/Nowhere": unknown time zone Europe/Nowhere',
    ]);
    expect(errorsOf(cronJobOf({}, 'n'.repeat(53)))[0]).toContain('must be no more than 52 characters');
  });

  it('print their schedule', () => {
    expect((kind.columns ?? []).map((column) => column.cell(cronJobOf({}), 0))).toEqual([
      'c',
      '@hourly',
      '<none>',
      'False',
      0,
      '<none>',
      '<unknown>',
      'c',
      'busybox',
      '<none>',
    ]);
  });

  it.each(['0 * * * *', '*/5 0-12/2 1,15 jan-mar MON', '@daily', '@every 1h30m', '5/15 * * * ?'])(
    'may run at %s',
    (schedule) => {
      expect(cronScheduleError(schedule)).toBeUndefined();
    },
  );

  it.each([
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ['@sometimes', 'unrecognized descriptor: @sometimes'],
  ])('may not run at %s', (schedule, why) => {
    expect(cronScheduleError(schedule)).toBe(why);
  });
});
