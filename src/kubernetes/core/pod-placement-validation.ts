/** Rules of affinity and of topology spread constraints. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { PodSpec } from '../types.ts';
import { checkDnsLabel, checkLabelSelector, checkOneOf } from '../validation.ts';

export function checkPlacement(spec: DeepReadonly<PodSpec>, field: string): FieldError[] {
  const { affinity, topologySpreadConstraints } = spec;
  return [
    ...checkNodeAffinity(affinity?.nodeAffinity, `${field}.affinity.nodeAffinity`),
    ...checkPodAffinity(affinity?.podAffinity, `${field}.affinity.podAffinity`),
    ...checkPodAffinity(affinity?.podAntiAffinity, `${field}.affinity.podAntiAffinity`),
    ...checkSpread(topologySpreadConstraints ?? [], `${field}.topologySpreadConstraints`),
  ];
}

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const weightRange = 'must be in the range 1-100';

function checkNodeAffinity(affinity: DeepReadonly<core.NodeAffinity> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const selector = affinity?.[required];
  if (selector !== undefined) errors.push(...checkNodeSelector(selector, `${field}.${required}`));
  affinity?.[preferred]?.forEach(({ weight, preference }, i) => {
    const at = `${field}.${preferred}[${i}]`;
    if (weight < 1 || weight > 100) errors.push(fieldError.invalid(`${at}.weight`, weight, weightRange));
    errors.push(...checkNodeTerm(preference, `${at}.preference`));
  });
  return errors;
}

export function checkNodeSelector(selector: DeepReadonly<core.NodeSelector>, field: string): FieldError[] {
  const at = `${field}.nodeSelectorTerms`;
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) return [fieldError.required(at, 'must have at least one node selector term')];
  return terms.flatMap((term, i) => checkNodeTerm(term, `${at}[${i}]`));
}

function checkNodeTerm(term: DeepReadonly<core.NodeSelectorTerm> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  term?.matchExpressions?.forEach((requirement, i) => {
    errors.push(...checkNodeRequirement(requirement, `${field}.matchExpressions[${i}]`));
  });
  term?.matchFields?.forEach(({ key, operator, values = [] }, i) => {
    const at = `${field}.matchFields[${i}]`;
    if (operator !== 'In' && operator !== 'NotIn') {
      errors.push(fieldError.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    } else if (values.length !== 1) {
      errors.push(
        fieldError.required(
          `${at}.values`,
          "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ),
      );
    }
    if (key !== 'metadata.name') errors.push(fieldError.invalid(`${at}.key`, key, 'not a valid field selector key'));
  });
  return errors;
}

function checkNodeRequirement(
  { key, operator, values = [] }: DeepReadonly<core.NodeSelectorRequirement>,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(fieldError.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(
          fieldError.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(
          fieldError.required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
        );
      }
      break;
    default:
      errors.push(fieldError.invalid(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  errors.push(...qualifiedNameErrors(key).map((text) => fieldError.invalid(`${field}.key`, key, text)));
  return errors;
}

function checkPodAffinity(affinity: DeepReadonly<core.PodAffinity> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  affinity?.[required]?.forEach((term, i) => {
    errors.push(...checkPodTerm(term, `${field}.${required}[${i}]`));
  });
  affinity?.[preferred]?.forEach(({ weight, podAffinityTerm }, i) => {
    const at = `${field}.${preferred}[${i}]`;
    if (weight < 1 || weight > 100) errors.push(fieldError.invalid(`${at}.weight`, weight, weightRange));
    errors.push(...checkPodTerm(podAffinityTerm, `${at}.podAffinityTerm`));
  });
  return errors;
}

function checkPodTerm(term: DeepReadonly<core.PodAffinityTerm> | undefined, field: string): FieldError[] {
  const errors = [
    ...checkLabelSelector(term?.labelSelector, `${field}.labelSelector`),
    ...checkLabelSelector(term?.namespaceSelector, `${field}.namespaceSelector`),
  ];
  term?.namespaces?.forEach((namespace) => {
    errors.push(...checkDnsLabel(namespace, `${field}.namespace`));
  });
  if (!term?.topologyKey) {
    errors.push(fieldError.required(`${field}.topologyKey`, 'can not be empty'));
    return errors;
  }
  const { topologyKey } = term;
  errors.push(
    ...qualifiedNameErrors(topologyKey).map((text) => fieldError.invalid(`${field}.topologyKey`, topologyKey, text)),
  );
  return errors;
}

const whenUnsatisfiable = ['DoNotSchedule', 'ScheduleAnyway'];

function checkSpread(constraints: readonly DeepReadonly<core.TopologySpreadConstraint>[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  constraints.forEach((constraint, i) => {
    const at = `${field}[${i}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable: action, minDomains } = constraint;
    if (!(maxSkew > 0)) errors.push(fieldError.invalid(`${at}.maxSkew`, maxSkew ?? 0, 'must be greater than zero'));
    if (!topologyKey) errors.push(fieldError.required(`${at}.topologyKey`, 'can not be empty'));
    else {
      errors.push(
        ...qualifiedNameErrors(topologyKey).map((text) => fieldError.invalid(`${at}.topologyKey`, topologyKey, text)),
      );
    }
    if (!whenUnsatisfiable.includes(action)) {
      errors.push(fieldError.notSupported(`${at}.whenUnsatisfiable`, action ?? '', whenUnsatisfiable));
    }
    const pair = `{${topologyKey}, ${action}}`;
    if (seen.has(pair)) errors.push(fieldError.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    if (minDomains !== undefined && minDomains <= 0) {
      errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, 'must be greater than zero'));
    }
    if (minDomains !== undefined && action !== 'DoNotSchedule') {
      errors.push(
        fieldError.invalid(
          `${at}.minDomains`,
          minDomains,
          `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`,
        ),
      );
    }
    for (const key of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      errors.push(...checkOneOf(constraint[key], ['Honor', 'Ignore'], `${at}.${key}`));
    }
    errors.push(...checkLabelSelector(constraint.labelSelector, `${at}.labelSelector`));
  });
  return errors;
}
