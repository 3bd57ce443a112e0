/** Rules that Deployments, ReplicaSets, StatefulSets and DaemonSets share. */
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.d.ts';
import type { LabelSelector } from 'kubernetes-types/meta/v1.d.ts';
import { matchesLabels } from '../../apimachinery/label-selector.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkPodSpec } from '../core/pod-spec-validation.ts';
import {
  checkAnnotations,
  checkLabelSelector,
  checkLabels,
  immutable,
  isEmptySelector,
  sortedMap,
} from '../validation.ts';

type Selector = DeepReadonly<LabelSelector> | undefined;
type Template = DeepReadonly<PodTemplateSpec> | undefined;

/**
 * The selector is there, not empty, and selects the template. `kind` as in `empty selector is invalid for deployment`.
 * `checkTemplate` where the template has rules of its own.
 */
export function checkSelectorAndTemplate(
  selector: Selector,
  template: Template,
  kind: string,
  checkTemplate: (template: Template, field: string) => FieldError[] = checkPodTemplate,
): FieldError[] {
  const errors: FieldError[] = [];
  if (selector === undefined) errors.push(fieldError.required('spec.selector'));
  else {
    const selectorErrors = checkLabelSelector(selector, 'spec.selector');
    errors.push(...selectorErrors);
    if (isEmptySelector(selector)) {
      errors.push(fieldError.invalid('spec.selector', {}, `empty selector is invalid for ${kind}`));
    } else if (selectorErrors.length === 0 && !matchesLabels(selector, template?.metadata?.labels ?? {})) {
      errors.push(
        fieldError.invalid(
          'spec.template.metadata.labels',
          sortedMap(template?.metadata?.labels),
          '`selector` does not match template `labels`',
        ),
      );
    }
  }
  errors.push(...checkTemplate(template, 'spec.template'));
  return errors;
}

/** A template whose pods live as long as their controller wants. `kind` as in `… in ReplicaSet is not Supported`. */
export function checkLongRunningTemplate(template: Template, kind = 'ReplicaSet'): FieldError[] {
  const errors: FieldError[] = [];
  const policy = template?.spec?.restartPolicy;
  if (policy !== undefined && policy !== 'Always') {
    errors.push(fieldError.notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  }
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    errors.push(
      fieldError.forbidden(
        'spec.template.spec.activeDeadlineSeconds',
        `activeDeadlineSeconds in ${kind} is not Supported`,
      ),
    );
  }
  return errors;
}

export function checkPodTemplate(template: Template, field: string): FieldError[] {
  return [...checkTemplateMetadata(template, field), ...checkPodSpec(template?.spec, `${field}.spec`)];
}

export function checkTemplateMetadata(template: Template, field: string): FieldError[] {
  return [
    ...checkLabels(template?.metadata?.labels, `${field}.labels`),
    ...checkAnnotations(template?.metadata?.annotations, `${field}.annotations`),
  ];
}

export function checkSelectorUnchanged(selector: Selector, old: Selector): FieldError[] {
  if (deepEqual(selector, old)) return [];
  return [fieldError.invalid('spec.selector', orderedSelector(selector), immutable)];
}

/** A selector with its keys in the order in which Go prints them. */
function orderedSelector(selector: Selector): unknown {
  if (selector === undefined) return null;
  return {
    ...(selector.matchLabels === undefined ? {} : { matchLabels: sortedMap(selector.matchLabels) }),
    ...(selector.matchExpressions === undefined ? {} : { matchExpressions: selector.matchExpressions }),
  };
}
