/** IngressClasses: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { IngressClass } from '../types.ts';
import { immutable } from '../validation.ts';

const { column } = columnsOf<IngressClass>();
type Typed = DeepReadonly<IngressClass>;

export const ingressClass: KindBehaviour = {
  default(object) {
    const parameters = (object as unknown as IngressClass).spec?.parameters;
    if (parameters !== undefined) parameters.scope ??= 'Cluster';
  },
  validate(object) {
    const controller = (object as Typed).spec?.controller ?? '';
    if (controller === '') return [fieldError.required('spec.controller')];
    return controller.includes('/')
      ? []
      : [fieldError.invalid('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  },
  validateUpdate(object, old) {
    const controller = (object as Typed).spec?.controller;
    return controller === (old as Typed).spec?.controller
      ? []
      : [fieldError.invalid('spec.controller', controller, immutable)];
  },
  columns: [
    nameColumn,
    column('Controller', ({ spec }) => spec?.controller ?? ''),
    column('Parameters', ({ spec }) => {
      const parameters = spec?.parameters;
      if (parameters === undefined) return '<none>';
      return `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`;
    }),
    ageColumn,
  ],
};
