/** Leases: rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { Lease } from '../types.ts';

const { column } = columnsOf<Lease>();

export const lease: KindBehaviour = {
  validate(object) {
    const { spec } = object as DeepReadonly<Lease>;
    const errors: FieldError[] = [];
    if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
      errors.push(fieldError.invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
    }
    if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0) {
      errors.push(
        fieldError.invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'),
      );
    }
    return errors;
  },
  columns: [nameColumn, column('Holder', ({ spec }) => spec?.holderIdentity ?? ''), ageColumn],
};
