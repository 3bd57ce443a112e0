/** Rules of what claims ask for: requests, constraints, selectors, configurations. */
import { compile, compileErrorText } from '../../apimachinery/cel/compile.ts';
import { CompileError } from '../../apimachinery/cel/node.ts';
import { type CelType, parseType } from '../../apimachinery/cel/types.ts';
import { labelValueErrors, qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkOneOf } from '../validation.ts';
import type {
  DeviceAmount,
  DeviceClaim,
  DeviceConfiguration,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
} from './types.ts';

const maxItems = 32;
const maxAlternatives = 8;
const maxExpression = 10 * 1024;
const maxParameters = 10 * 1024;
const requestForm =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** Absent fields of requests; in place. */
export function defaultDeviceClaim(claim: DeviceClaim | undefined): void {
  for (const request of claim?.requests ?? [])
    for (const amount of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (amount === undefined) continue;
      amount.allocationMode ||= 'ExactCount';
      if (amount.allocationMode === 'ExactCount') amount.count ||= 1;
      for (const toleration of amount.tolerations ?? []) toleration.operator ||= 'Equal';
    }
}

export function checkDeviceClaim(claim: DeepReadonly<DeviceClaim> | undefined, field: string): FieldError[] {
  const { requests = [], constraints = [], config = [] } = claim ?? {};
  const names = requestNames(claim);
  const errors = checkSet(requests, ({ name }) => name, maxItems, `${field}.requests`, checkRequest);
  errors.push(
    ...checkList(constraints, maxItems, `${field}.constraints`, (constraint, at) => [
      ...checkRequestNames(constraint.requests, names, `${at}.requests`),
      ...checkConstraint(constraint, at),
    ]),
    ...checkList(config, maxItems, `${field}.config`, (entry, at) => [
      ...checkRequestNames(entry.requests, names, `${at}.requests`),
      ...checkConfiguration(entry, at),
    ]),
  );
  return errors;
}

/** The names that a claim's requests go by, `request/alternative` included. */
export function requestNames(claim: DeepReadonly<DeviceClaim> | undefined): ReadonlySet<string> {
  return new Set(
    (claim?.requests ?? []).flatMap(({ name = '', firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((alternative) => `${name}/${alternative.name}`),
    ]),
  );
}

function checkRequest(request: DeepReadonly<DeviceRequest>, field: string): FieldError[] {
  const { exactly, firstAvailable = [] } = request;
  const errors = checkDnsLabel(request.name, `${field}.name`);
  const either = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly !== undefined && firstAvailable.length > 0)
    errors.push(fieldError.invalid(field, null, `${either}, but multiple fields are set`));
  else if (exactly !== undefined) errors.push(...checkAmount(exactly, `${field}.exactly`));
  else if (firstAvailable.length === 0) errors.push(fieldError.required(field, either));
  else
    errors.push(
      ...checkSet(
        firstAvailable,
        ({ name }) => name,
        maxAlternatives,
        `${field}.firstAvailable`,
        (entry, at) => [...checkDnsLabel(entry.name, `${at}.name`), ...checkAmount(entry, at)],
      ),
    );
  return errors;
}

function checkAmount(amount: DeepReadonly<DeviceAmount>, field: string): FieldError[] {
  const errors = [
    ...checkDnsSubdomain(amount.deviceClassName, `${field}.deviceClassName`),
    ...checkSelectors(amount.selectors, `${field}.selectors`),
  ];
  const { allocationMode = '', count = 0 } = amount;
  if (allocationMode === 'All') {
    if (count !== 0)
      errors.push(fieldError.invalid(`${field}.count`, count, "must not be specified when allocationMode is 'All'"));
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) errors.push(fieldError.invalid(`${field}.count`, count, 'must be greater than zero'));
  } else errors.push(fieldError.notSupported(`${field}.allocationMode`, allocationMode, ['All', 'ExactCount']));
  amount.tolerations?.forEach((toleration, i) => {
    errors.push(...checkToleration(toleration, `${field}.tolerations[${i}]`));
  });
  return errors;
}

export function checkToleration(
  { key = '', operator, value = '', effect }: DeepReadonly<DeviceToleration>,
  field: string,
): FieldError[] {
  const errors =
    key === '' ? [] : qualifiedNameErrors(key).map((text) => fieldError.invalid(`${field}.key`, key, text));
  if (operator === 'Exists') {
    if (value !== '') errors.push(fieldError.invalid(`${field}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') {
    if (key === '') errors.push(fieldError.required(`${field}.key`));
    errors.push(...labelValueErrors(value).map((text) => fieldError.invalid(`${field}.value`, value, text)));
  } else if (!operator) errors.push(fieldError.required(`${field}.operator`));
  else errors.push(fieldError.notSupported(`${field}.operator`, operator, ['Equal', 'Exists']));
  return [...errors, ...checkOneOf(effect, ['NoExecute', 'NoSchedule'], `${field}.effect`)];
}

export function checkSelectors(selectors: DeepReadonly<DeviceSelector[]> | undefined, field: string): FieldError[] {
  return checkList(selectors ?? [], maxItems, field, ({ cel }, at) => {
    if (cel === undefined) return [fieldError.required(`${at}.cel`)];
    return checkExpression(cel.expression ?? '', `${at}.cel.expression`);
  });
}

const device: CelType = {
  kind: 'object',
  name: 'DRADevice',
  fields: new Map([
    ['driver', parseType('string')],
    ['attributes', parseType('map<string, map<string, dyn>>')],
    ['capacity', parseType('map<string, map<string, kubernetes.Quantity>>')],
    ['allowMultipleAllocations', parseType('bool')],
  ]),
};

function checkExpression(expression: string, field: string): FieldError[] {
  if (expression.length > maxExpression) return [fieldError.tooLong(field, maxExpression)];
  try {
    const { type } = compile(expression, { device });
    return type.kind === 'bool' || type.kind === 'dyn'
      ? []
      : [fieldError.invalid(field, expression, 'must evaluate to bool or the unknown type')];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return [fieldError.invalid(field, expression, compileErrorText(expression, error))];
  }
}

export function checkConfiguration({ opaque }: DeepReadonly<DeviceConfiguration>, field: string): FieldError[] {
  if (opaque === undefined) return [fieldError.required(`${field}.opaque`)];
  const errors = checkDriverName(opaque.driver, `${field}.opaque.driver`);
  const { parameters } = opaque;
  const at = `${field}.opaque.parameters`;
  if (parameters === undefined || parameters === null) errors.push(fieldError.required(at));
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    errors.push(fieldError.invalid(at, '<value omitted>', 'must be a valid JSON object'));
  else if (JSON.stringify(parameters).length > maxParameters) errors.push(fieldError.tooLong(at, maxParameters));
  return errors;
}

export const checkConfigurations = (
  configs: DeepReadonly<DeviceConfiguration[]> | undefined,
  field: string,
): FieldError[] => checkList(configs ?? [], maxItems, field, checkConfiguration);

function checkConstraint(
  { matchAttribute, distinctAttribute }: DeepReadonly<{ matchAttribute?: string; distinctAttribute?: string }>,
  field: string,
): FieldError[] {
  const set = { matchAttribute, distinctAttribute };
  for (const [key, name] of Object.entries(set)) {
    if (name === undefined) continue;
    const at = `${field}.${key}`;
    if (!name.includes('/'))
      return [fieldError.invalid(at, name, 'a fully qualified name must be a domain and a name separated by a slash')];
    return qualifiedNameErrors(name).map((text) => fieldError.invalid(at, name, text));
  }
  return [
    fieldError.required(
      field,
      'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
    ),
  ];
}

export function checkRequestNames(
  names: readonly string[] | undefined,
  known: ReadonlySet<string>,
  field: string,
): FieldError[] {
  return checkSet(
    names ?? [],
    (name) => name,
    maxItems,
    field,
    (name, at) => (known.has(name) ? [] : [fieldError.invalid(at, name, requestForm)]),
  );
}

export function checkDriverName(name: string | undefined, field: string): FieldError[] {
  const errors = checkDnsSubdomain(name, field);
  if ((name ?? '').length > 63) errors.push(fieldError.tooLong(field, 63));
  return errors;
}

export function checkList<T>(
  items: readonly T[],
  max: number,
  field: string,
  check: (item: T, field: string) => FieldError[],
): FieldError[] {
  const errors = items.flatMap((item, i) => check(item, `${field}[${i}]`));
  return items.length > max ? [...errors, fieldError.tooMany(field, items.length, max)] : errors;
}

/** A list whose items go by a key. */
export function checkSet<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  max: number,
  field: string,
  check: (item: T, field: string) => FieldError[],
): FieldError[] {
  const seen = new Set<string | undefined>();
  return checkList(items, max, field, (item, at) => {
    const key = keyOf(item);
    const errors = seen.has(key) ? [fieldError.duplicate(at, key)] : check(item, at);
    seen.add(key);
    return errors;
  });
}
