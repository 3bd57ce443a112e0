/** RoleBindings and ClusterRoleBindings: defaults, rules, columns. */
import type { RoleRef, Subject } from 'kubernetes-types/rbac/v1.d.ts';
import { dns1123SubdomainErrors, pathSegmentErrors } from '../../apimachinery/names.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { RoleBinding } from '../types.ts';

const { column, wide } = columnsOf<RoleBinding>();
const rbacGroup = 'rbac.authorization.k8s.io';
type Typed = DeepReadonly<RoleBinding>;

/** `kinds`: what roleRef may name. */
function binding(kinds: readonly string[], namespaced: boolean): KindBehaviour {
  return {
    default(object) {
      const typed = object as unknown as { roleRef?: RoleRef; subjects?: Subject[] };
      if (typed.roleRef !== undefined) typed.roleRef.apiGroup ||= rbacGroup;
      for (const subject of typed.subjects ?? []) {
        if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
      }
    },
    validate: (object) => checkBinding(object as Typed, kinds, namespaced),
    validateUpdate(object, old) {
      const { roleRef } = object as Typed;
      return deepEqual(roleRef, (old as Typed).roleRef)
        ? []
        : [fieldError.invalid('roleRef', roleRef, 'cannot change roleRef')];
    },
    validateName: (name) => pathSegmentErrors(name)[0],
    columns: [
      nameColumn,
      column('Role', ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`),
      ageColumn,
      wide('Users', (object) => names(object, 'User')),
      wide('Groups', (object) => names(object, 'Group')),
      wide('ServiceAccounts', ({ subjects }) =>
        (subjects ?? [])
          .filter(({ kind }) => kind === 'ServiceAccount')
          .map(({ namespace, name }) => `${namespace ?? ''}/${name}`)
          .join(', '),
      ),
    ],
  };
}

export const roleBinding = binding(['Role', 'ClusterRole'], true);
export const clusterRoleBinding = binding(['ClusterRole'], false);

function names({ subjects }: Typed, wanted: string): string {
  return (subjects ?? [])
    .filter(({ kind }) => kind === wanted)
    .map(({ name }) => name)
    .join(', ');
}

function checkBinding({ roleRef, subjects }: Typed, kinds: readonly string[], namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (roleRef?.apiGroup !== rbacGroup) {
    errors.push(fieldError.notSupported('roleRef.apiGroup', roleRef?.apiGroup ?? '', [rbacGroup]));
  }
  if (!kinds.includes(roleRef?.kind ?? '')) {
    errors.push(fieldError.notSupported('roleRef.kind', roleRef?.kind ?? '', kinds));
  }
  if (!roleRef?.name) errors.push(fieldError.required('roleRef.name'));
  else
    errors.push(
      ...pathSegmentErrors(roleRef.name).map((text) => fieldError.invalid('roleRef.name', roleRef.name, text)),
    );
  subjects?.forEach((subject, i) => {
    errors.push(...checkSubject(subject, namespaced, `subjects[${i}]`));
  });
  return errors;
}

function checkSubject(subject: DeepReadonly<Subject>, namespaced: boolean, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const group = subject.apiGroup ?? '';
  if (!subject.name) errors.push(fieldError.required(`${at}.name`));
  if (subject.kind === 'ServiceAccount') {
    if (subject.name) {
      errors.push(
        ...dns1123SubdomainErrors(subject.name).map((text) => fieldError.invalid(`${at}.name`, subject.name, text)),
      );
    }
    if (group !== '') errors.push(fieldError.notSupported(`${at}.apiGroup`, group, ['']));
    if (!namespaced && !subject.namespace) errors.push(fieldError.required(`${at}.namespace`));
  } else if (subject.kind === 'User' || subject.kind === 'Group') {
    if (group !== rbacGroup) errors.push(fieldError.notSupported(`${at}.apiGroup`, group, [rbacGroup]));
  } else errors.push(fieldError.notSupported(`${at}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']));
  return errors;
}
