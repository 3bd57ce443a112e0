/** Checks that the rules of many kinds share, with upstream's texts. Each returns the broken rules. */
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '../apimachinery/names.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';

export const immutable = 'field is immutable';
export const portRange = 'must be between 1 and 65535, inclusive';
const nonNegative = 'must be greater than or equal to 0';

export function checkNonNegative(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value < 0 ? [fieldError.invalid(field, value, nonNegative)] : [];
}

export function checkPort(value: number | undefined, field: string): FieldError[] {
  return value === undefined || value < 1 || value > 65535 ? [fieldError.invalid(field, value ?? 0, portRange)] : [];
}

/** A port number or the name of one. */
export function checkPortNumberOrName(value: number | string | undefined, field: string): FieldError[] {
  if (typeof value === 'string') return checkPortName(value, field);
  return checkPort(value, field);
}

export function checkPortName(name: string, field: string): FieldError[] {
  return portNameErrors(name).map((text) => fieldError.invalid(field, name, text));
}

/** Rules of IANA_SVC_NAME. */
function portNameErrors(name: string): string[] {
  const errors: string[] = [];
  if (name.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) errors.push('must contain at least one letter (a-z)');
  if (name.includes('--')) errors.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export function checkDnsLabel(value: string | undefined, field: string): FieldError[] {
  if (!value) return [fieldError.required(field)];
  return dns1123LabelErrors(value).map((text) => fieldError.invalid(field, value, text));
}

export function checkDnsSubdomain(value: string | undefined, field: string): FieldError[] {
  if (!value) return [fieldError.required(field)];
  return dns1123SubdomainErrors(value).map((text) => fieldError.invalid(field, value, text));
}

/** One of `supported`; `required` when it may not be absent. */
export function checkOneOf(
  value: string | undefined,
  supported: readonly string[],
  field: string,
  required = false,
): FieldError[] {
  if (value === undefined || value === '') return required ? [fieldError.required(field)] : [];
  return supported.includes(value) ? [] : [fieldError.notSupported(field, value, supported)];
}

export function checkLabels(labels: { readonly [key: string]: string } | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    errors.push(...qualifiedNameErrors(key).map((text) => fieldError.invalid(field, key, text)));
    errors.push(...labelValueErrors(value).map((text) => fieldError.invalid(field, value, text)));
  }
  return errors;
}

export function checkAnnotations(
  annotations: { readonly [key: string]: string } | undefined,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...qualifiedNameErrors(key.toLowerCase()).map((text) => fieldError.invalid(field, key, text)));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > 262144) errors.push(fieldError.tooLong(field, 262144));
  return errors;
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

interface Selector {
  readonly matchLabels?: { readonly [key: string]: string } | undefined;
  readonly matchExpressions?: readonly Requirement[] | undefined;
}

export function checkLabelSelector(selector: Selector | undefined, field: string): FieldError[] {
  if (selector === undefined) return [];
  const errors = checkLabels(selector.matchLabels, `${field}.matchLabels`);
  selector.matchExpressions?.forEach((requirement, i) => {
    errors.push(...checkRequirement(requirement, `${field}.matchExpressions[${i}]`));
  });
  return errors;
}

function checkRequirement({ key, operator, values = [] }: Requirement, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      errors.push(fieldError.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      errors.push(
        fieldError.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
  } else errors.push(fieldError.invalid(`${field}.operator`, operator, 'not a valid selector operator'));
  errors.push(...qualifiedNameErrors(key).map((text) => fieldError.invalid(`${field}.key`, key, text)));
  values.forEach((value, i) => {
    errors.push(...labelValueErrors(value).map((text) => fieldError.invalid(`${field}.values[${i}]`, value, text)));
  });
  return errors;
}

export function isEmptySelector(selector: Selector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}

/** `25%` or a whole number ≥ 0. */
export function checkIntOrPercent(value: number | string | undefined, field: string): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return checkNonNegative(value, field);
  if (/^[0-9]+%$/.test(value)) return [];
  return [
    fieldError.invalid(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ),
  ];
}

/** A map with its keys in order, as Go prints it inside messages. */
export function sortedMap(map: { readonly [key: string]: string } | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
