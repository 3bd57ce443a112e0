/** Defaults and rules of PropagationPolicy and ClusterPropagationPolicy. */
import { qualifiedNameErrors } from '../apimachinery/names.ts';
import type { DeepReadonly } from '../apimachinery/object.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import {
  clusterPropagationPolicyControllerFinalizer,
  clusterPropagationPolicyPermanentIdLabel,
  propagationPolicyControllerFinalizer,
  propagationPolicyPermanentIdLabel,
} from '../apis/constants.ts';
import type {
  ApplicationFailoverBehavior,
  ClusterPropagationPolicy,
  FailoverBehavior,
  PropagationPolicy,
  PropagationSpec,
  StatePreservation,
} from '../apis/policy/v1alpha1/propagation-policy.ts';
import { fieldErrorTexts } from './denial.ts';
import { invalidValue } from './invalid-value.ts';
import { placementErrors } from './placement.ts';

/** `namespace` is the request's: it fills empty selector namespaces. `newId` makes the permanent id on create. */
export function mutatePropagationPolicy(policy: PropagationPolicy, namespace: string, newId?: () => string): void {
  for (const selector of policy.spec.resourceSelectors ?? []) if (!selector.namespace) selector.namespace = namespace;
  mutateSpec(policy.spec);
  if (newId !== undefined)
    identify(policy, propagationPolicyPermanentIdLabel, propagationPolicyControllerFinalizer, newId);
}

export function mutateClusterPropagationPolicy(policy: ClusterPropagationPolicy, newId?: () => string): void {
  mutateSpec(policy.spec);
  if (newId !== undefined)
    identify(policy, clusterPropagationPolicyPermanentIdLabel, clusterPropagationPolicyControllerFinalizer, newId);
}

/** What is wrong, in the words of the refusal; empty when nothing is. `old` on update. */
export function validatePropagationPolicy(
  policy: DeepReadonly<PropagationPolicy>,
  old?: DeepReadonly<PropagationPolicy>,
): string[] {
  return validate(policy, old, propagationPolicyPermanentIdLabel, policy.metadata.namespace);
}

export function validateClusterPropagationPolicy(
  policy: DeepReadonly<ClusterPropagationPolicy>,
  old?: DeepReadonly<ClusterPropagationPolicy>,
): string[] {
  return validate(policy, old, clusterPropagationPolicyPermanentIdLabel, undefined);
}

const defaultGracePeriodSeconds = 600;

function mutateSpec(spec: PropagationSpec): void {
  spec.placement ??= {};
  for (const constraint of spec.placement.spreadConstraints ?? []) {
    if (!constraint.spreadByField && !constraint.spreadByLabel) constraint.spreadByField = 'cluster';
    if (!constraint.minGroups) constraint.minGroups = 1;
  }
  const takesServiceImport = (spec.resourceSelectors ?? []).some(
    (selector) => selector.kind === 'ServiceImport' && selector.apiVersion === 'multicluster.x-k8s.io/v1alpha1',
  );
  if (takesServiceImport) spec.propagateDeps = true;
  const strategy = spec.placement.replicaScheduling;
  if (strategy?.replicaSchedulingType === 'Divided' && !strategy.replicaDivisionPreference)
    strategy.replicaDivisionPreference = 'Weighted';
  const application = spec.failover?.application;
  if (application?.purgeMode === 'Gracefully') application.gracePeriodSeconds ??= defaultGracePeriodSeconds;
}

function identify(policy: PropagationPolicy, label: string, finalizer: string, newId: () => string): void {
  policy.metadata.labels = { ...policy.metadata.labels, [label]: newId() };
  const finalizers = policy.metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) policy.metadata.finalizers = [...finalizers, finalizer];
}

function validate(
  policy: DeepReadonly<PropagationPolicy>,
  old: DeepReadonly<PropagationPolicy> | undefined,
  idLabel: string,
  namespace: string | undefined,
): string[] {
  const id = policy.metadata.labels?.[idLabel];
  if (old !== undefined) {
    if ((policy.spec.schedulerName ?? '') !== (old.spec.schedulerName ?? ''))
      return ['the schedulerName should not be updated'];
    const oldId = old.metadata.labels?.[idLabel];
    if (oldId !== undefined && oldId !== (id ?? ''))
      return [`label ${idLabel} is immutable, it can only be set by the system during creation`];
  }
  if (id === undefined)
    return [`label ${idLabel} is required, it should be set by the mutating admission webhook during creation`];
  return fieldErrorTexts(specErrors(policy.spec, namespace));
}

function specErrors(spec: DeepReadonly<PropagationSpec>, namespace: string | undefined): FieldError[] {
  const errors = placementErrors(spec.placement ?? {}, 'spec.placement');
  if (spec.failover?.application !== undefined && spec.propagateDeps !== true)
    errors.push(
      fieldError.invalid('spec.propagateDeps', false, 'application failover is set, propagateDeps must be true'),
    );
  errors.push(...failoverErrors(spec.failover ?? {}, 'spec.failover'));
  for (const [i, selector] of (spec.resourceSelectors ?? []).entries()) {
    if (namespace !== undefined && (selector.namespace ?? '') !== namespace)
      errors.push(
        fieldError.invalid(
          `spec.resourceSelectors[${i}].namespace`,
          selector.namespace ?? '',
          'namespace of resource selector must be the same as the namespace of the policy',
        ),
      );
    if (spec.preemption === 'Always' && !selector.name)
      errors.push(
        fieldError.invalid(
          `spec.resourceSelectors[${i}].name`,
          selector.name ?? '',
          'name cannot be empty if preemption is Always, the empty name may cause unexpected resources preemption',
        ),
      );
  }
  const { suspension } = spec;
  if (suspension?.dispatching === true && (suspension.dispatchingOnClusters?.clusterNames ?? []).length > 0)
    errors.push(
      invalidValue(
        'spec.suspension.suspension',
        suspension,
        'suspension dispatching cannot co-exist with dispatchingOnClusters.clusterNames',
      ),
    );
  return errors;
}

function failoverErrors(failover: DeepReadonly<FailoverBehavior>, path: string): FieldError[] {
  const { application, cluster } = failover;
  return [
    ...(application === undefined ? [] : applicationErrors(application, `${path}.application`)),
    ...statePreservationErrors(cluster?.statePreservation, `${path}.cluster.statePreservation`),
  ];
}

function applicationErrors(application: DeepReadonly<ApplicationFailoverBehavior>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const seconds = application.decisionConditions.tolerationSeconds;
  if (seconds !== undefined && seconds < 0)
    errors.push(
      fieldError.invalid(`${path}.decisionConditions.tolerationSeconds`, seconds, 'must be greater than or equal to 0'),
    );
  const grace = application.gracePeriodSeconds;
  const graceful = application.purgeMode === 'Gracefully';
  const bad = (detail: string): void => {
    errors.push(fieldError.invalid(`${path}.gracePeriodSeconds`, grace ?? null, detail));
  };
  if (!graceful && grace !== undefined) bad('only takes effect when purgeMode is gracefully');
  if (graceful && grace === undefined) bad('should not be empty when purgeMode is gracefully');
  if (graceful && grace !== undefined && grace <= 0) bad('must be greater than 0');
  errors.push(...statePreservationErrors(application.statePreservation, `${path}.statePreservation`));
  return errors;
}

function statePreservationErrors(state: DeepReadonly<StatePreservation> | undefined, path: string): FieldError[] {
  return (state?.rules ?? []).flatMap((rule, i) =>
    qualifiedNameErrors(rule.aliasLabelName).map((text) =>
      fieldError.invalid(`${path}.rules[${i}].aliasLabelName`, rule.aliasLabelName, text),
    ),
  );
}
