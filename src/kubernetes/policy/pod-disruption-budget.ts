/** PodDisruptionBudgets: rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { PodDisruptionBudget } from '../types.ts';
import { checkIntOrPercent, checkLabelSelector, checkOneOf } from '../validation.ts';

const { column } = columnsOf<PodDisruptionBudget>();

export const podDisruptionBudget: KindBehaviour = {
  validate(object) {
    const { spec } = object as DeepReadonly<PodDisruptionBudget>;
    const errors: FieldError[] = [];
    if (spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      errors.push(fieldError.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
    }
    for (const key of ['minAvailable', 'maxUnavailable'] as const) {
      const value = spec?.[key];
      errors.push(...checkIntOrPercent(value, `spec.${key}`));
      if (typeof value === 'string' && Number.parseInt(value, 10) > 100) {
        errors.push(fieldError.invalid(`spec.${key}`, value, 'must not be greater than 100%'));
      }
    }
    errors.push(...checkLabelSelector(spec?.selector, 'spec.selector'));
    errors.push(
      ...checkOneOf(
        spec?.unhealthyPodEvictionPolicy,
        ['AlwaysAllow', 'IfHealthyBudget'],
        'spec.unhealthyPodEvictionPolicy',
      ),
    );
    return errors;
  },
  columns: [
    nameColumn,
    column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, 'integer'),
    ageColumn,
  ],
};
