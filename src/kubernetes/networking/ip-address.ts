/** IPAddresses: the name is the address, the parent is who uses it. */
import { isIPv4, isIPv6 } from 'node:net';
import { dns1123SubdomainErrors, pathSegmentErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly, KubeObject } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { immutable } from '../validation.ts';

interface ParentReference {
  group?: string;
  resource?: string;
  namespace?: string;
  name?: string;
}
type IPAddress = KubeObject & { spec?: { parentRef?: ParentReference } };
type Typed = DeepReadonly<IPAddress>;

const { column } = columnsOf<IPAddress>();

export const ipAddress: KindBehaviour = {
  validateName: (name) => (isCanonical(name) ? undefined : 'not a valid IP address in canonical form (RFC 5952)'),
  validate(object) {
    const { spec } = object as Typed;
    const parent = spec?.parentRef;
    const field = 'spec.parentRef';
    if (parent === undefined) return [fieldError.required(field)];
    const errors: FieldError[] = [];
    const check = (key: keyof ParentReference, rules: (value: string) => string[]): void => {
      const value = parent[key];
      if (value) errors.push(...rules(value).map((text) => fieldError.invalid(`${field}.${key}`, value, text)));
    };
    check('group', dns1123SubdomainErrors);
    if (!parent.resource) errors.push(fieldError.required(`${field}.resource`));
    check('resource', pathSegmentErrors);
    if (!parent.name) errors.push(fieldError.required(`${field}.name`));
    check('name', pathSegmentErrors);
    check('namespace', pathSegmentErrors);
    return errors;
  },
  validateUpdate(object, old) {
    const parent = (object as Typed).spec?.parentRef;
    const before = (old as Typed).spec?.parentRef;
    const same = JSON.stringify(parent) === JSON.stringify(before);
    return same ? [] : [fieldError.invalid('spec.parentRef', parent, immutable)];
  },
  columns: [nameColumn, column('ParentRef', ({ spec }) => parentText(spec?.parentRef)), ageColumn],
};

/** The one way to write an address: no leading zeros, IPv6 lower case and compressed. */
function isCanonical(name: string): boolean {
  if (isIPv4(name)) return true;
  if (!isIPv6(name) || name.includes('%') || name.includes('.')) return false;
  return new URL(`http://[${name}]/`).hostname === `[${name}]`;
}

function parentText(parent: DeepReadonly<ParentReference> | undefined): string {
  if (parent === undefined) return '<none>';
  const resource = parent.group ? `${parent.resource}.${parent.group}` : parent.resource;
  return [resource, parent.namespace, parent.name].filter((part) => part).join('/');
}
