/** ResourceQuotas: rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import type { ResourceQuota } from '../types.ts';

const { column } = columnsOf<ResourceQuota>();
type Typed = DeepReadonly<ResourceQuota>;

export const resourceQuota: KindBehaviour = {
  validate(object) {
    const errors: FieldError[] = [];
    const hard: { readonly [name: string]: string } = (object as Typed).spec?.hard ?? {};
    for (const [name, value] of Object.entries(hard)) {
      if (compareQuantityTexts(value, '0') < 0) {
        errors.push(fieldError.invalid(`spec.hard[${name}]`, value, 'must be greater than or equal to 0'));
      }
    }
    return errors;
  },
  columns: [
    nameColumn,
    column('Request', (quota) => usage(quota, false)),
    column('Limit', (quota) => usage(quota, true)),
    ageColumn,
  ],
};

function usage({ status }: Typed, limits: boolean): string {
  const hard: { readonly [name: string]: string } = status?.hard ?? {};
  const used: { readonly [name: string]: string } = status?.used ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === limits)
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ');
}
