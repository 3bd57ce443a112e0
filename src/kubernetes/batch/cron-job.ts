/** CronJobs: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { defaultPodTemplate } from '../core/pod-defaults.ts';
import type { KindBehaviour } from '../kind.ts';
import {
  age,
  ageColumn,
  columnsOf,
  containerImages,
  containerNames,
  nameColumn,
  selectorText,
} from '../printing/formats.ts';
import type { CronJob } from '../types.ts';
import { checkNonNegative, checkOneOf } from '../validation.ts';
import { cronScheduleError } from './cron-schedule.ts';
import { checkJobSpec } from './job.ts';

const { column, wide } = columnsOf<CronJob>();
type Typed = DeepReadonly<CronJob>;

export const cronJob: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as CronJob;
    if (spec === undefined) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    defaultPodTemplate(spec.jobTemplate?.spec?.template);
  },
  validate: (object) => checkCronJob(object as Typed),
  columns: [
    nameColumn,
    column('Schedule', ({ spec }) => spec?.schedule ?? ''),
    column('Timezone', ({ spec }) => spec?.timeZone ?? '<none>'),
    column(
      'Suspend',
      ({ spec }) => (spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'),
      'boolean',
    ),
    column('Active', ({ status }) => status?.active?.length ?? 0, 'integer'),
    column('Last Schedule', ({ status }, now) =>
      status?.lastScheduleTime === undefined ? '<none>' : age(status.lastScheduleTime, now),
    ),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.jobTemplate?.spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.jobTemplate?.spec?.template?.spec)),
    wide('Selector', ({ spec }) => selectorText(spec?.jobTemplate?.spec?.selector)),
  ],
};

function checkCronJob({ metadata, spec }: Typed): FieldError[] {
  const errors: FieldError[] = [];
  // Jobs are named after it, with eleven characters more.
  if ((metadata.name ?? '').length > 52) {
    errors.push(fieldError.invalid('metadata.name', metadata.name, 'must be no more than 52 characters'));
  }
  const schedule = spec?.schedule ?? '';
  if (schedule === '') errors.push(fieldError.required('spec.schedule'));
  else if (/^(CRON_)?TZ=/.test(schedule)) {
    errors.push(
      fieldError.invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    );
  } else {
    const why = cronScheduleError(schedule);
    if (why !== undefined) errors.push(fieldError.invalid('spec.schedule', schedule, why));
  }
  if (spec?.timeZone !== undefined) errors.push(...checkTimeZone(spec.timeZone));
  errors.push(...checkNonNegative(spec?.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'));
  errors.push(...checkOneOf(spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy', true));
  errors.push(...checkJobSpec(spec?.jobTemplate?.spec, 'spec.jobTemplate.spec'));
  errors.push(...checkNonNegative(spec?.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'));
  errors.push(...checkNonNegative(spec?.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'));
  return errors;
}

function checkTimeZone(zone: string): FieldError[] {
  if (zone === '') return [fieldError.invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local')
    return [
      fieldError.invalid(
        'spec.timeZone',
        zone,
        'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ),
    ];
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [fieldError.invalid('spec.timeZone', zone, `unknown time zone ${zone}`)];
  }
}
