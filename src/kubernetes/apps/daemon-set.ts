/** DaemonSets: defaults, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { defaultPodTemplate } from '../core/pod-defaults.ts';
import type { KindBehaviour } from '../kind.ts';
import {
  ageColumn,
  columnsOf,
  containerImages,
  containerNames,
  labelsText,
  nameColumn,
  selectorText,
} from '../printing/formats.ts';
import type { DaemonSet } from '../types.ts';
import { checkIntOrPercent, checkNonNegative, checkOneOf } from '../validation.ts';
import { checkLongRunningTemplate, checkSelectorAndTemplate, checkSelectorUnchanged } from './workload-validation.ts';

const { column, wide } = columnsOf<DaemonSet>();
type Typed = DeepReadonly<DaemonSet>;

export const daemonSet: KindBehaviour = {
  default(object) {
    const typed = object as unknown as DaemonSet;
    typed.spec ??= {} as NonNullable<DaemonSet['spec']>;
    const { spec } = typed;
    spec.updateStrategy ??= {};
    const strategy = spec.updateStrategy;
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      const rolling = strategy.rollingUpdate;
      rolling.maxUnavailable ??= 1;
      rolling.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    defaultPodTemplate(spec.template);
  },
  prepareForCreate(object) {
    countTemplates(object as unknown as DaemonSet, '1');
  },
  prepareForUpdate(object, old) {
    const before = old as Typed;
    const generation = before.metadata.annotations?.[templateGeneration] ?? '1';
    const changed = !deepEqual((object as Typed).spec?.template, before.spec?.template);
    countTemplates(object as unknown as DaemonSet, changed ? String(Number(generation) + 1) : generation);
  },
  validate(object) {
    const { spec } = object as Typed;
    return [
      ...checkSelectorAndTemplate(spec?.selector, spec?.template, 'daemonset'),
      ...checkLongRunningTemplate(spec?.template, 'DaemonSet'),
      ...checkNonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
      ...checkNonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
      ...checkStrategy(spec?.updateStrategy),
    ];
  },
  validateUpdate: (object, old) =>
    checkSelectorUnchanged((object as Typed).spec?.selector, (old as Typed).spec?.selector),
  columns: [
    nameColumn,
    column('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0, 'integer'),
    column('Current', ({ status }) => status?.currentNumberScheduled ?? 0, 'integer'),
    column('Ready', ({ status }) => status?.numberReady ?? 0, 'integer'),
    column('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0, 'integer'),
    column('Available', ({ status }) => status?.numberAvailable ?? 0, 'integer'),
    column('Node Selector', ({ spec }) => labelsText(spec?.template?.spec?.nodeSelector)),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.template?.spec)),
    wide('Selector', ({ spec }) => selectorText(spec?.selector)),
  ],
};

/** How often the template changed, under the name that the field had before apps/v1. */
const templateGeneration = 'deprecated.daemonset.template.generation';

function countTemplates({ metadata }: DaemonSet, generation: string): void {
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: generation };
}

function checkStrategy(strategy: NonNullable<Typed['spec']>['updateStrategy']): FieldError[] {
  const field = 'spec.updateStrategy';
  if (strategy?.type === 'OnDelete') return [];
  if (strategy?.type !== 'RollingUpdate') {
    return checkOneOf(strategy?.type, ['OnDelete', 'RollingUpdate'], `${field}.type`, true);
  }
  const rolling = strategy.rollingUpdate;
  const errors = [
    ...checkIntOrPercent(rolling?.maxUnavailable, `${field}.rollingUpdate.maxUnavailable`),
    ...checkIntOrPercent(rolling?.maxSurge, `${field}.rollingUpdate.maxSurge`),
  ];
  const unavailable = isSet(rolling?.maxUnavailable);
  const surge = isSet(rolling?.maxSurge);
  if (unavailable && surge) {
    errors.push(
      fieldError.invalid(
        `${field}.rollingUpdate.maxSurge`,
        rolling?.maxSurge,
        'may not be set when maxUnavailable is non-zero',
      ),
    );
  } else if (!unavailable && !surge) {
    errors.push(fieldError.required(`${field}.rollingUpdate.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  }
  return errors;
}

const isSet = (value: number | string | undefined): boolean => value !== undefined && value !== 0 && value !== '0%';
