/** Jobs: defaults, the selector the server makes, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkPodTemplate } from '../apps/workload-validation.ts';
import { defaultPodTemplate } from '../core/pod-defaults.ts';
import type { KindBehaviour } from '../kind.ts';
import {
  ageColumn,
  columnsOf,
  containerImages,
  containerNames,
  nameColumn,
  selectorText,
} from '../printing/formats.ts';
import { humanDuration } from '../printing/human-duration.ts';
import type { Job } from '../types.ts';
import { checkNonNegative, checkOneOf, immutable } from '../validation.ts';

const { column, wide } = columnsOf<Job>();
type Typed = DeepReadonly<Job>;
type JobSpec = NonNullable<Job['spec']>;

export const job: KindBehaviour = {
  default(object) {
    const typed = object as unknown as Job;
    if (typed.spec === undefined) return;
    defaultJobSpec(typed.spec);
    const labels = typed.spec.template?.metadata?.labels;
    if (labels !== undefined && Object.keys(typed.metadata.labels ?? {}).length === 0)
      typed.metadata.labels = { ...labels };
  },
  prepareForCreate(object) {
    const typed = object as unknown as Job;
    if (typed.spec !== undefined && !typed.spec.manualSelector) generateSelector(typed);
  },
  validate: (object) => checkJob(object as Typed),
  validateUpdate: (object, old) => checkJobUpdate(object as Typed, old as Typed),
  selectableFields: { 'status.successful': (object) => String((object as Typed).status?.succeeded ?? 0) },
  columns: [
    nameColumn,
    column('Status', statusText),
    column('Completions', completionsText),
    column('Duration', ({ status }, now) => {
      if (status?.startTime === undefined) return '';
      const end = status.completionTime === undefined ? now : Date.parse(status.completionTime);
      return humanDuration(end - Date.parse(status.startTime));
    }),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.template?.spec)),
    wide('Selector', ({ spec }) => selectorText(spec?.selector)),
  ],
};

/** Defaults of a Job's spec; also those of a CronJob's template where upstream applies them. */
function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1;
    spec.parallelism = 1;
  }
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const condition of rule.onPodConditions ?? []) condition.status ||= 'True';
  }
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  defaultPodTemplate(spec.template);
}

const controllerUid = 'batch.kubernetes.io/controller-uid';

/** The selector and template labels that tie pods to this Job alone. The uid must be set. */
function generateSelector(object: Job): void {
  const spec = object.spec!;
  const uid = object.metadata.uid ?? '';
  const name = object.metadata.name ?? '';
  spec.template.metadata ??= {};
  const metadata = spec.template.metadata;
  const labels = { ...(metadata.labels ?? {}) };
  labels['controller-uid'] ??= uid;
  labels['job-name'] ??= name;
  labels[controllerUid] ??= uid;
  labels['batch.kubernetes.io/job-name'] ??= name;
  metadata.labels = labels;
  spec.selector ??= {};
  const selector = spec.selector;
  selector.matchLabels = { [controllerUid]: uid, ...selector.matchLabels };
}

function checkJob(object: Typed): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = object;
  if (spec?.selector === undefined) errors.push(fieldError.required('spec.selector'));
  errors.push(...checkJobSpec(spec, 'spec'));
  return errors;
}

/** `field` is the path of the spec. */
export function checkJobSpec(spec: DeepReadonly<JobSpec> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    errors.push(...checkNonNegative(spec?.[key], `${field}.${key}`));
  }
  errors.push(...checkOneOf(spec?.completionMode, ['Indexed', 'NonIndexed'], `${field}.completionMode`));
  if (spec?.completionMode === 'Indexed' && spec.completions === undefined) {
    errors.push(fieldError.required(`${field}.completions`, 'when completion mode is Indexed'));
  }
  errors.push(...checkPodTemplate(spec?.template, `${field}.template`));
  const at = `${field}.template.spec.restartPolicy`;
  const policy = spec?.template?.spec?.restartPolicy;
  if (policy === undefined || policy === 'Always') {
    errors.push(fieldError.required(at, 'valid values: "OnFailure", "Never"'));
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(fieldError.notSupported(at, policy, ['OnFailure', 'Never']));
  }
  return errors;
}

function checkJobUpdate({ spec }: Typed, { spec: old, status }: Typed): FieldError[] {
  const errors: FieldError[] = [];
  if (!deepEqual(spec?.completions, old?.completions)) {
    const elastic = old?.completionMode === 'Indexed' && spec?.completions === spec?.parallelism;
    if (!elastic) errors.push(fieldError.invalid('spec.completions', spec?.completions ?? null, immutable));
  }
  if (!deepEqual(spec?.selector, old?.selector)) {
    errors.push(fieldError.invalid('spec.selector', spec?.selector ?? null, immutable));
  }
  const suspended = old?.suspend === true && status?.startTime === undefined;
  if (!deepEqual(templatePart(spec, suspended), templatePart(old, suspended))) {
    errors.push(fieldError.invalid('spec.template', spec?.template, immutable));
  }
  if (!deepEqual(spec?.completionMode, old?.completionMode)) {
    errors.push(fieldError.invalid('spec.completionMode', spec?.completionMode ?? null, immutable));
  }
  if (!deepEqual(spec?.podFailurePolicy, old?.podFailurePolicy)) {
    errors.push(fieldError.invalid('spec.podFailurePolicy', spec?.podFailurePolicy ?? null, immutable));
  }
  if (!deepEqual(spec?.backoffLimitPerIndex, old?.backoffLimitPerIndex)) {
    errors.push(fieldError.invalid('spec.backoffLimitPerIndex', spec?.backoffLimitPerIndex ?? null, immutable));
  }
  return errors;
}

/** The template without what may change while the Job is suspended and never ran: where its pods may be placed. */
function templatePart(spec: DeepReadonly<JobSpec> | undefined, suspended: boolean): unknown {
  const template = spec?.template;
  if (!suspended || template === undefined) return template;
  return {
    metadata: { ...template.metadata, labels: undefined, annotations: undefined },
    spec: {
      ...template.spec,
      nodeSelector: undefined,
      tolerations: undefined,
      schedulingGates: undefined,
      affinity: { ...template.spec?.affinity, nodeAffinity: undefined },
    },
  };
}

function statusText({ metadata, status }: Typed): string {
  const is = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(is) ?? 'Running';
}

function completionsText({ spec, status }: Typed): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}
