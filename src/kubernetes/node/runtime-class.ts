/** RuntimeClasses: rules, columns. */
import { fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkDnsLabel, immutable } from '../validation.ts';

interface RuntimeClass {
  handler?: string;
}

const { column } = columnsOf<RuntimeClass>();
const handlerOf = (object: unknown): string => (object as RuntimeClass).handler ?? '';

export const runtimeClass: KindBehaviour = {
  validate: (object) => checkDnsLabel(handlerOf(object), 'handler'),
  validateUpdate(object, old) {
    return handlerOf(object) === handlerOf(old) ? [] : [fieldError.invalid('handler', handlerOf(object), immutable)];
  },
  columns: [nameColumn, column('Handler', ({ handler }) => handler ?? ''), ageColumn],
};
