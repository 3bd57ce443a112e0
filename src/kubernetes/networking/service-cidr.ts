/** ServiceCIDRs: where Service addresses come from. */
import { isIP } from 'node:net';
import { type DeepReadonly, deepEqual, type KubeObject } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';

type ServiceCIDR = KubeObject & { spec?: { cidrs?: string[] }; status?: object };
type Typed = DeepReadonly<ServiceCIDR>;

const { column } = columnsOf<ServiceCIDR>();

export const serviceCidr: KindBehaviour = {
  validate(object) {
    const cidrs = (object as Typed).spec?.cidrs ?? [];
    const field = 'spec.cidrs';
    if (cidrs.length === 0) return [fieldError.required(field, 'at least one CIDR required')];
    const errors: FieldError[] = [];
    if (cidrs.length > 2) errors.push(fieldError.invalid(field, cidrs, 'may only hold up to 2 values'));
    const families = cidrs.map((cidr) => isIP(cidr.split('/')[0] ?? ''));
    if (cidrs.length === 2 && families[0] === families[1]) {
      errors.push(
        fieldError.invalid(
          field,
          cidrs,
          'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
        ),
      );
    }
    cidrs.forEach((cidr, i) => {
      if (!isCidr(cidr)) {
        errors.push(
          fieldError.invalid(`${field}[${i}]`, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'),
        );
      }
    });
    return errors;
  },
  validateUpdate(object, old) {
    const cidrs = (object as Typed).spec?.cidrs ?? [];
    const before = (old as Typed).spec?.cidrs ?? [];
    if (deepEqual(cidrs, before)) return [];
    // A second family may be added behind the first.
    if (before.length === 1 && cidrs.length === 2 && cidrs[0] === before[0]) return [];
    return [fieldError.invalid('spec.cidrs', cidrs, 'field is immutable')];
  },
  columns: [nameColumn, column('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(',')), ageColumn],
};

function isCidr(cidr: string): boolean {
  const [address = '', length = '', ...more] = cidr.split('/');
  const family = isIP(address);
  return (
    more.length === 0 &&
    family !== 0 &&
    /^(?:0|[1-9]\d{0,2})$/.test(length) &&
    Number(length) <= (family === 4 ? 32 : 128)
  );
}
