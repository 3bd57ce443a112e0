/** PriorityClasses: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { PriorityClass } from '../types.ts';
import { checkOneOf } from '../validation.ts';

const { column } = columnsOf<PriorityClass>();
type Typed = DeepReadonly<PriorityClass>;

const highestUserValue = 1000000000;

export const priorityClass: KindBehaviour = {
  default(object) {
    (object as unknown as PriorityClass).preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate(object) {
    const { metadata, value, preemptionPolicy } = object as Typed;
    const errors: FieldError[] = [];
    if (metadata.name?.startsWith('system-')) {
      if (metadata.name !== 'system-node-critical' && metadata.name !== 'system-cluster-critical') {
        errors.push(
          fieldError.forbidden(
            'metadata.name',
            "priority class names with 'system-' prefix are reserved for system use only. error: " +
              `${metadata.name} is not a known system priority class`,
          ),
        );
      }
    } else if (value > highestUserValue) {
      errors.push(
        fieldError.forbidden('value', `maximum allowed value of a user defined priority is ${highestUserValue}`),
      );
    }
    errors.push(...checkOneOf(preemptionPolicy, ['Never', 'PreemptLowerPriority'], 'preemptionPolicy', true));
    return errors;
  },
  validateUpdate(object, old) {
    const { value, preemptionPolicy } = object as Typed;
    const errors: FieldError[] = [];
    if (value !== (old as Typed).value) errors.push(fieldError.forbidden('value', 'may not be changed in an update.'));
    if (preemptionPolicy !== (old as Typed).preemptionPolicy) {
      errors.push(fieldError.invalid('preemptionPolicy', preemptionPolicy, 'field is immutable'));
    }
    return errors;
  },
  columns: [
    nameColumn,
    column('Value', ({ value }) => value ?? 0, 'integer'),
    column('Global-Default', ({ globalDefault }) => globalDefault ?? false, 'boolean'),
    ageColumn,
    column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
  ],
};
