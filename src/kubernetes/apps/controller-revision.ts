/** ControllerRevisions: rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { ControllerRevision } from '../types.ts';
import { checkNonNegative, immutable } from '../validation.ts';

const { column } = columnsOf<ControllerRevision>();
type Typed = DeepReadonly<ControllerRevision>;

export const controllerRevision: KindBehaviour = {
  validate: (object) => checkNonNegative((object as Typed).revision, 'revision'),
  validateUpdate(object, old) {
    return deepEqual((object as Typed).data, (old as Typed).data)
      ? []
      : [fieldError.invalid('data', (object as Typed).data, immutable)];
  },
  columns: [
    nameColumn,
    column('Controller', ({ metadata }) => {
      const owner = metadata.ownerReferences?.find((reference) => reference.controller);
      if (owner === undefined) return '<none>';
      const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
      return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
    }),
    column('Revision', ({ revision }) => revision),
    ageColumn,
  ],
};
