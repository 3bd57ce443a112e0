/** StatefulSets: defaults, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { defaultPodTemplate } from '../core/pod-defaults.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, containerImages, containerNames, nameColumn } from '../printing/formats.ts';
import type { StatefulSet } from '../types.ts';
import { checkIntOrPercent, checkNonNegative, checkOneOf } from '../validation.ts';
import { checkLongRunningTemplate, checkSelectorAndTemplate, checkTemplateMetadata } from './workload-validation.ts';

const { column, wide } = columnsOf<StatefulSet>();
type Typed = DeepReadonly<StatefulSet>;

export const statefulSet: KindBehaviour = {
  default(object) {
    const typed = object as unknown as StatefulSet;
    typed.spec ??= {} as NonNullable<StatefulSet['spec']>;
    const { spec } = typed;
    spec.replicas ??= 1;
    spec.podManagementPolicy ??= 'OrderedReady';
    // An explicit type without rollingUpdate stays without.
    if (!spec.updateStrategy?.type) {
      spec.updateStrategy ??= {};
      const strategy = spec.updateStrategy;
      strategy.type = 'RollingUpdate';
      strategy.rollingUpdate ??= {};
    }
    if (spec.updateStrategy.rollingUpdate !== undefined) spec.updateStrategy.rollingUpdate.partition ??= 0;
    spec.revisionHistoryLimit ??= 10;
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    const retention = spec.persistentVolumeClaimRetentionPolicy;
    retention.whenDeleted ??= 'Retain';
    retention.whenScaled ??= 'Retain';
    defaultPodTemplate(spec.template);
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ??= 'v1';
      claim.kind ??= 'PersistentVolumeClaim';
      if (claim.spec !== undefined) claim.spec.volumeMode ??= 'Filesystem';
      Object.assign(claim, { status: { phase: 'Pending', ...claim.status } });
    }
  },
  validate(object) {
    const { spec } = object as Typed;
    return [
      ...checkOneOf(spec?.podManagementPolicy, ['OrderedReady', 'Parallel'], 'spec.podManagementPolicy', true),
      ...checkOneOf(spec?.updateStrategy?.type, ['OnDelete', 'RollingUpdate'], 'spec.updateStrategy', true),
      ...checkRollingUpdate(spec?.updateStrategy),
      ...checkNonNegative(spec?.replicas, 'spec.replicas'),
      ...checkNonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
      ...checkNonNegative(spec?.ordinals?.start, 'spec.ordinals.start'),
      // The pod spec is whole only with the volumes of the claims; upstream leaves its rules to the Pods as well.
      ...checkSelectorAndTemplate(spec?.selector, spec?.template, 'statefulset', checkTemplateMetadata),
      ...checkLongRunningTemplate(spec?.template, 'StatefulSet'),
    ];
  },
  validateUpdate(object, old) {
    return deepEqual(frozenPart(object as Typed), frozenPart(old as Typed))
      ? []
      : [fieldError.forbidden('spec', frozenText)];
  },
  columns: [
    nameColumn,
    column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.template?.spec)),
  ],
};

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

const frozenText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function frozenPart(object: Typed): unknown {
  const rest: Record<string, unknown> = { ...object.spec };
  for (const key of changeable) delete rest[key];
  return rest;
}

function checkRollingUpdate(strategy: NonNullable<Typed['spec']>['updateStrategy']): FieldError[] {
  const rolling = strategy?.rollingUpdate;
  if (rolling === undefined) return [];
  const field = 'spec.updateStrategy.rollingUpdate';
  if (strategy?.type === 'OnDelete') {
    return [fieldError.invalid(field, rolling, "only allowed for updateStrategy 'RollingUpdate'")];
  }
  const errors = checkNonNegative(rolling.partition, `${field}.partition`);
  errors.push(...checkIntOrPercent(rolling.maxUnavailable, `${field}.maxUnavailable`));
  if (rolling.maxUnavailable === 0 || rolling.maxUnavailable === '0%') {
    errors.push(fieldError.invalid(`${field}.maxUnavailable`, rolling.maxUnavailable, 'cannot be 0'));
  }
  return errors;
}
