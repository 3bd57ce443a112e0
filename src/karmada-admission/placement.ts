/** Rules of a placement. */
import { qualifiedNameErrors } from '../apimachinery/names.ts';
import type { DeepReadonly } from '../apimachinery/object.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import type {
  ClusterAffinityTerm,
  Placement,
  ReplicaSchedulingStrategy,
  SpreadConstraint,
} from '../apis/policy/v1alpha1/propagation-policy.ts';
import { clusterAffinityErrors } from './cluster-affinity.ts';
import { invalidValue } from './invalid-value.ts';

export function placementErrors(placement: DeepReadonly<Placement>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (placement.clusterAffinity !== undefined && placement.clusterAffinities !== undefined)
    errors.push(invalidValue(path, placement, 'clusterAffinities cannot co-exist with clusterAffinity'));
  errors.push(
    ...clusterAffinityErrors(placement.clusterAffinity, `${path}.clusterAffinity`),
    ...termErrors(placement.clusterAffinities ?? [], placement.replicaScheduling, `${path}.clusterAffinities`),
    ...spreadErrors(placement.spreadConstraints ?? [], `${path}.spreadConstraints`),
    ...workloadAffinityErrors(placement, `${path}.workloadAffinity`),
  );
  for (const [i, toleration] of (placement.clusterTolerations ?? []).entries())
    if (toleration.operator === 'Lt' || toleration.operator === 'Gt')
      errors.push(
        fieldError.notSupported(`${path}.clusterTolerations[${i}].operator`, toleration.operator, [
          '',
          'Exists',
          'Equal',
        ]),
      );
  return errors;
}

function termErrors(
  terms: readonly DeepReadonly<ClusterAffinityTerm>[],
  strategy: DeepReadonly<ReplicaSchedulingStrategy> | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, term] of terms.entries()) {
    const at = `${path}[${i}]`;
    for (const text of qualifiedNameErrors(term.affinityName))
      errors.push(fieldError.invalid(at, term.affinityName, text));
    if (names.has(term.affinityName))
      errors.push(invalidValue(path, terms, 'each affinity term in a policy must have a unique name'));
    names.add(term.affinityName);
    errors.push(...clusterAffinityErrors(term, at));
    if (term.overflowAffinities !== undefined)
      errors.push(...overflowErrors(term, strategy, `${at}.overflowAffinities`));
  }
  return errors;
}

function overflowErrors(
  term: DeepReadonly<ClusterAffinityTerm>,
  strategy: DeepReadonly<ReplicaSchedulingStrategy> | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const tiers = term.overflowAffinities ?? [];
  if (tiers.length > 0 && !isCapacityAware(strategy))
    errors.push(
      invalidValue(
        path,
        tiers,
        'overflowAffinities can only be used together with dynamic weight or aggregated scheduling',
      ),
    );
  const isPlain =
    term.labelSelector === undefined &&
    term.fieldSelector === undefined &&
    (term.clusterNames ?? []).length === 0 &&
    (term.exclude ?? []).length === 0;
  if (tiers.length > 0 && isPlain)
    errors.push(
      invalidValue(path, tiers, 'overflowAffinities can only be used together with the inline ClusterAffinity'),
    );
  const names = new Set([term.affinityName]);
  for (const [j, tier] of tiers.entries()) {
    const at = `${path}[${j}]`;
    for (const text of qualifiedNameErrors(tier.affinityName))
      errors.push(fieldError.invalid(`${at}.affinityName`, tier.affinityName, text));
    if (names.has(tier.affinityName))
      errors.push(
        fieldError.invalid(
          `${at}.affinityName`,
          tier.affinityName,
          "overflow affinity name must be unique and must not duplicate the primary group's affinityName",
        ),
      );
    names.add(tier.affinityName);
    errors.push(...clusterAffinityErrors(tier, at));
  }
  return errors;
}

/** Divided with Aggregated, or by a dynamic weight. */
function isCapacityAware(strategy: DeepReadonly<ReplicaSchedulingStrategy> | undefined): boolean {
  if (strategy?.replicaSchedulingType !== 'Divided') return false;
  if (strategy.replicaDivisionPreference === 'Aggregated') return true;
  return strategy.replicaDivisionPreference === 'Weighted' && (strategy.weightPreference?.dynamicWeight ?? '') !== '';
}

function spreadErrors(constraints: readonly DeepReadonly<SpreadConstraint>[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const counts = new Map<string, number>();
  for (const [i, constraint] of constraints.entries()) {
    const at = `${path}[${i}]`;
    const { spreadByField = '', spreadByLabel = '', minGroups = 0, maxGroups = 0 } = constraint;
    const bad = (detail: string): void => {
      errors.push(invalidValue(at, constraint, detail));
    };
    if (spreadByField !== '' && spreadByLabel !== '') bad('spreadByLabel should not co-exist with spreadByField');
    if (spreadByField !== '') counts.set(spreadByField, (counts.get(spreadByField) ?? 0) + 1);
    if (minGroups < 0) bad('minGroups lower than 0 is not allowed');
    if (maxGroups < 0) bad('maxGroups lower than 0 is not allowed');
    if (maxGroups > 0 && maxGroups < minGroups) bad('maxGroups lower than minGroups is not allowed');
  }
  for (const [field, count] of counts)
    if (count > 1) errors.push(invalidValue(path, constraints, `multiple ${field} spread constraints are not allowed`));
  if (counts.size > 0 && !counts.has('cluster'))
    errors.push(
      invalidValue(
        path,
        constraints,
        'the cluster spread constraint must be enabled in one of the constraints in case of SpreadByField is enabled',
      ),
    );
  return errors;
}

function workloadAffinityErrors({ workloadAffinity }: DeepReadonly<Placement>, path: string): FieldError[] {
  if (workloadAffinity === undefined) return [];
  const errors: FieldError[] = [];
  for (const side of ['affinity', 'antiAffinity'] as const) {
    const key = workloadAffinity[side]?.groupByLabelKey;
    if (key === undefined) continue;
    for (const text of qualifiedNameErrors(key))
      errors.push(fieldError.invalid(`${path}.${side}.groupByLabelKey`, key, text));
  }
  const { affinity, antiAffinity } = workloadAffinity;
  if (affinity !== undefined && antiAffinity !== undefined && affinity.groupByLabelKey === antiAffinity.groupByLabelKey)
    errors.push(
      invalidValue(path, workloadAffinity, 'affinity and antiAffinity must not use the same groupByLabelKey'),
    );
  return errors;
}
