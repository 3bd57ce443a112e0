/** Deployments: defaults, rules, columns. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
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
import type { Deployment } from '../types.ts';
import { checkIntOrPercent, checkNonNegative, checkOneOf } from '../validation.ts';
import { checkLongRunningTemplate, checkSelectorAndTemplate, checkSelectorUnchanged } from './workload-validation.ts';

const { column, wide } = columnsOf<Deployment>();

export const deployment: KindBehaviour = {
  default(object) {
    const typed = object as unknown as Deployment;
    typed.spec ??= {} as NonNullable<Deployment['spec']>;
    const { spec } = typed;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    const strategy = spec.strategy;
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      const rolling = strategy.rollingUpdate;
      rolling.maxUnavailable ??= '25%';
      rolling.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultPodTemplate(spec.template);
  },
  validate: (object) => checkDeployment(object),
  validateUpdate: (object, old) =>
    checkSelectorUnchanged((object as Typed).spec?.selector, (old as Typed).spec?.selector),
  columns: [
    nameColumn,
    column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    column('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
    column('Available', ({ status }) => status?.availableReplicas ?? 0),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.template?.spec)),
    wide('Selector', ({ spec }) => selectorText(spec?.selector, '', '<invalid>')),
  ],
};

type Typed = DeepReadonly<Deployment>;

function checkDeployment(object: DeepReadonly<Unstructured>): FieldError[] {
  const spec = (object as Typed).spec;
  const errors = [
    ...checkNonNegative(spec?.replicas, 'spec.replicas'),
    ...checkSelectorAndTemplate(spec?.selector, spec?.template, 'deployment'),
    ...checkLongRunningTemplate(spec?.template),
    ...checkStrategy(spec?.strategy),
    ...checkNonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
    ...checkNonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
  ];
  const deadline = spec?.progressDeadlineSeconds;
  if (deadline !== undefined) {
    errors.push(...checkNonNegative(deadline, 'spec.progressDeadlineSeconds'));
    if (deadline <= (spec?.minReadySeconds ?? 0)) {
      errors.push(fieldError.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
    }
  }
  return errors;
}

function checkStrategy(strategy: NonNullable<Typed['spec']>['strategy']): FieldError[] {
  const field = 'spec.strategy';
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate') {
    return rolling === undefined
      ? []
      : [fieldError.forbidden(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (strategy?.type !== 'RollingUpdate') {
    return checkOneOf(strategy?.type, ['Recreate', 'RollingUpdate'], field, true);
  }
  return checkRollingUpdate(rolling, `${field}.rollingUpdate`);
}

function checkRollingUpdate(
  rolling: NonNullable<NonNullable<Typed['spec']>['strategy']>['rollingUpdate'],
  field: string,
): FieldError[] {
  const errors = [
    ...checkIntOrPercent(rolling?.maxUnavailable, `${field}.maxUnavailable`),
    ...checkIntOrPercent(rolling?.maxSurge, `${field}.maxSurge`),
  ];
  if (amount(rolling?.maxUnavailable) === 0 && amount(rolling?.maxSurge) === 0) {
    errors.push(
      fieldError.invalid(`${field}.maxUnavailable`, rolling?.maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'),
    );
  }
  const percent = typeof rolling?.maxUnavailable === 'string' ? Number.parseInt(rolling.maxUnavailable, 10) : 0;
  if (percent > 100) {
    errors.push(
      fieldError.invalid(`${field}.maxUnavailable`, rolling?.maxUnavailable, 'must not be greater than 100%'),
    );
  }
  return errors;
}

const amount = (value: number | string | undefined): number =>
  typeof value === 'string' ? Number.parseInt(value, 10) : (value ?? 0);
