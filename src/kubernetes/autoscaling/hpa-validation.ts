/** Rules of HorizontalPodAutoscalers, on the v2 form. */
import type * as v2 from 'kubernetes-types/autoscaling/v2.d.ts';
import { pathSegmentErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import { checkLabelSelector } from '../validation.ts';

type Spec = DeepReadonly<v2.HorizontalPodAutoscalerSpec> | undefined;
type Metric = DeepReadonly<v2.MetricSpec>;
type Target = DeepReadonly<v2.MetricTarget> | undefined;
type Rules = DeepReadonly<v2.HPAScalingRules>;

export function checkAutoscalerSpec(spec: Spec): FieldError[] {
  const errors: FieldError[] = [];
  const metrics = spec?.metrics ?? [];
  const min = spec?.minReplicas;
  const max = spec?.maxReplicas ?? 0;
  const least = metrics.some(({ type }) => type === 'Object' || type === 'External') ? 0 : 1;
  if (min !== undefined && min < least) {
    errors.push(fieldError.invalid('spec.minReplicas', min, `must be greater than or equal to ${least}`));
  }
  if (max < 1) errors.push(fieldError.invalid('spec.maxReplicas', max, 'must be greater than 0'));
  if (min !== undefined && max < min) {
    errors.push(fieldError.invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  }
  errors.push(...checkReference(spec?.scaleTargetRef, 'spec.scaleTargetRef'));
  metrics.forEach((metric, i) => {
    errors.push(...checkMetric(metric, `spec.metrics[${i}]`));
  });
  if (spec?.behavior?.scaleUp) errors.push(...checkRules(spec.behavior.scaleUp, 'spec.behavior.scaleUp'));
  if (spec?.behavior?.scaleDown) errors.push(...checkRules(spec.behavior.scaleDown, 'spec.behavior.scaleDown'));
  return errors;
}

function checkReference(
  reference: { readonly kind?: string; readonly name?: string } | undefined,
  field: string,
): FieldError[] {
  const part = (key: 'kind' | 'name') => {
    const value = reference?.[key];
    if (!value) return [fieldError.required(`${field}.${key}`)];
    return pathSegmentErrors(value).map((text) => fieldError.invalid(`${field}.${key}`, value, text));
  };
  return [...part('kind'), ...part('name')];
}

/** The source that goes with each type. */
const sources = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const;

function checkMetric(metric: Metric, field: string): FieldError[] {
  if (!metric.type) return [fieldError.required(`${field}.type`, 'must specify a metric source type')];
  const expected = sources[metric.type as keyof typeof sources] as (typeof sources)[keyof typeof sources] | undefined;
  if (expected === undefined) return [fieldError.notSupported(`${field}.type`, metric.type, Object.keys(sources))];
  const errors: FieldError[] = [];
  for (const source of Object.values(sources)) {
    if (source === expected && metric[source] === undefined) {
      errors.push(fieldError.required(`${field}.${source}`, 'must populate information for the given metric source'));
    }
    if (source !== expected && metric[source] !== undefined) {
      errors.push(fieldError.forbidden(`${field}.${source}`, 'must populate the given metric source only'));
    }
  }
  return [...errors, ...checkSource(metric, `${field}.${expected}`)];
}

function checkSource({ resource, containerResource, pods, object, external }: Metric, field: string): FieldError[] {
  if (resource !== undefined) return checkResource(resource, field);
  if (containerResource !== undefined) {
    return [
      ...(containerResource.container ? [] : [fieldError.required(`${field}.container`, 'must specify a container')]),
      ...checkResource(containerResource, field),
    ];
  }
  if (pods !== undefined) {
    const errors = [...checkIdentifier(pods.metric, `${field}.metric`), ...checkTarget(pods.target, `${field}.target`)];
    if (pods.target?.averageValue === undefined) {
      errors.push(fieldError.required(`${field}.target.averageValue`, 'must specify a positive target averageValue'));
    }
    return errors;
  }
  if (object !== undefined) {
    return [
      ...checkReference(object.describedObject, `${field}.describedObject`),
      ...checkIdentifier(object.metric, `${field}.metric`),
      ...checkTarget(object.target, `${field}.target`),
      ...checkOneValue(object.target, `${field}.target`, {
        neither: 'must set either a target value or averageValue',
        both: 'may not set both a target value and a target averageValue',
      }),
    ];
  }
  if (external !== undefined) {
    return [
      ...checkIdentifier(external.metric, `${field}.metric`),
      ...checkTarget(external.target, `${field}.target`),
      ...checkOneValue(external.target, `${field}.target`, {
        neither: 'must set either a target value for metric or a per-pod target',
        both: 'may not set both a target value for metric and a per-pod target',
      }),
    ];
  }
  return [];
}

function checkResource(source: { readonly name?: string; readonly target?: Target }, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!source.name) errors.push(fieldError.required(`${field}.name`, 'must specify a resource name'));
  errors.push(...checkTarget(source.target, `${field}.target`));
  const utilization = source.target?.averageUtilization !== undefined;
  const value = source.target?.averageValue !== undefined;
  if (!utilization && !value) {
    errors.push(
      fieldError.required(
        `${field}.target.averageUtilization`,
        'must set either a target raw value or a target utilization',
      ),
    );
  }
  if (utilization && value) {
    errors.push(
      fieldError.forbidden(
        `${field}.target.averageValue`,
        'may not set both a target raw value and a target utilization',
      ),
    );
  }
  return errors;
}

function checkOneValue(target: Target, field: string, texts: { neither: string; both: string }): FieldError[] {
  const value = target?.value !== undefined;
  const average = target?.averageValue !== undefined;
  if (!value && !average) return [fieldError.required(`${field}.averageValue`, texts.neither)];
  return value && average ? [fieldError.forbidden(`${field}.value`, texts.both)] : [];
}

function checkTarget(target: Target, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!target?.type) errors.push(fieldError.required(`${field}.type`, 'must specify a metric target type'));
  else if (!['Utilization', 'Value', 'AverageValue'].includes(target.type)) {
    errors.push(fieldError.invalid(`${field}.type`, target.type, 'must be either Utilization, Value, or AverageValue'));
  }
  for (const key of ['value', 'averageValue'] as const) {
    const quantity = target?.[key];
    if (quantity !== undefined && compareQuantityTexts(quantity, '0') <= 0) {
      errors.push(fieldError.invalid(`${field}.${key}`, quantity, 'must be positive'));
    }
  }
  const utilization = target?.averageUtilization;
  if (utilization !== undefined && utilization < 1) {
    errors.push(fieldError.invalid(`${field}.averageUtilization`, utilization, 'must be greater than 0'));
  }
  return errors;
}

function checkIdentifier(identifier: DeepReadonly<v2.MetricIdentifier> | undefined, field: string): FieldError[] {
  const name = identifier?.name;
  if (!name) return [fieldError.required(`${field}.name`, 'must specify a metric name')];
  return [
    ...pathSegmentErrors(name).map((text) => fieldError.invalid(`${field}.name`, name, text)),
    ...checkLabelSelector(identifier?.selector, `${field}.selector`),
  ];
}

const longestWindow = 3600;
const longestPeriod = 1800;

function checkRules(rules: Rules, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const window = rules.stabilizationWindowSeconds;
  if (window !== undefined && window < 0) {
    errors.push(
      fieldError.invalid(`${field}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'),
    );
  }
  if (window !== undefined && window > longestWindow) {
    errors.push(
      fieldError.invalid(
        `${field}.stabilizationWindowSeconds`,
        window,
        `must be less than or equal to ${longestWindow}`,
      ),
    );
  }
  if (rules.selectPolicy !== undefined && !['Disabled', 'Max', 'Min'].includes(rules.selectPolicy)) {
    errors.push(fieldError.notSupported(`${field}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min']));
  }
  if ((rules.policies ?? []).length === 0) {
    errors.push(fieldError.required(`${field}.policies`, 'must specify at least one Policy'));
  }
  rules.policies?.forEach(({ type, value, periodSeconds }, i) => {
    const at = `${field}.policies[${i}]`;
    if (type !== 'Percent' && type !== 'Pods') {
      errors.push(fieldError.notSupported(`${at}.type`, type, ['Percent', 'Pods']));
    }
    if (value <= 0) errors.push(fieldError.invalid(`${at}.value`, value, 'must be greater than zero'));
    if (periodSeconds <= 0) {
      errors.push(fieldError.invalid(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero'));
    }
    if (periodSeconds > longestPeriod) {
      errors.push(
        fieldError.invalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${longestPeriod}`),
      );
    }
  });
  return errors;
}
