/** `x-kubernetes-validations` of a CRD's schema, compiled when the CRD is written: what does not compile is refused with its place. */

import { compile, compileErrorText, type Program } from '../../cel/compile.ts';
import { CompileError } from '../../cel/node.ts';
import { bool, type CelType, optionalOf, typeName } from '../../cel/types.ts';
import { type FieldError, fieldError } from '../../status-error.ts';
import type { Schema } from '../structural.ts';
import { celTypeOf } from './schema-values.ts';

export interface ValidationRule {
  rule?: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

export interface CompiledRule {
  source: ValidationRule & { rule: string };
  program: Program;
  message: Program | undefined;
  /** Reads oldSelf: looked at on updates only, unless oldSelf is optional. */
  transition: boolean;
}

/** The most that one rule, run as often as the schema allows, may be estimated to cost. */
const ruleLimit = 10_000_000;
const schemaLimit = 100_000_000;
const reasons = ['FieldValueInvalid', 'FieldValueForbidden', 'FieldValueRequired', 'FieldValueDuplicate'];
const advice =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

export const rulesOf = (schema: Schema): readonly ValidationRule[] =>
  (schema['x-kubernetes-validations'] ?? []) as readonly ValidationRule[];

/** Throws CompileError. The type must be bool. */
export function compileRule(rule: ValidationRule, type: CelType): CompiledRule {
  const source = { ...rule, rule: rule.rule ?? '' };
  const variables = { self: type, oldSelf: rule.optionalOldSelf === true ? optionalOf(type) : type };
  const program = compile(source.rule, variables);
  if (program.type.kind !== 'bool' && program.type.kind !== 'dyn')
    throw new CompileError(`cel expression must evaluate to a ${typeName(bool)}`, 0);
  const message = rule.messageExpression ? compile(rule.messageExpression, variables) : undefined;
  if (message !== undefined && message.type.kind !== 'string' && message.type.kind !== 'dyn')
    throw new CompileError('messageExpression must evaluate to a string', 0);
  return { source, program, message, transition: program.uses('oldSelf') };
}

/** Broken rules of a schema at `path` (`spec.versions[0].schema.openAPIV3Schema`). */
export function ruleErrors(schema: Schema, path: string): FieldError[] {
  const walk: Walk = { errors: [], total: 0 };
  check(schema, path, { root: true, times: 1, uncorrelated: undefined }, walk);
  if (walk.total > schemaLimit)
    walk.errors.push(
      fieldError.forbidden(
        path,
        `x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of ${factor(walk.total, schemaLimit)} ${advice}`,
      ),
    );
  return walk.errors;
}

interface Walk {
  errors: FieldError[];
  total: number;
}

interface Place {
  root: boolean;
  /** How often the schema lets the place occur. */
  times: number;
  /** Path of the list above whose elements have no old value to compare with. */
  uncorrelated: string | undefined;
}

function check(schema: Schema, path: string, place: Place, walk: Walk): void {
  const rules = rulesOf(schema);
  if (rules.length > 0) {
    const type = celTypeOf(schema, place.root);
    const at = `${path}.x-kubernetes-validations`;
    if (type === undefined)
      walk.errors.push(fieldError.forbidden(at, 'rules need a schema that says the type of their value'));
    else for (const [i, rule] of rules.entries()) checkRule(rule, type, `${at}[${i}]`, schema, place, walk);
  }
  const below = (child: Schema, childPath: string, change: Partial<Place> = {}) =>
    check(child, childPath, { ...place, root: false, ...change }, walk);
  for (const [name, child] of Object.entries(schema.properties ?? {})) below(child, `${path}.properties[${name}]`);
  if (schema.items !== undefined) {
    const isMap = schema['x-kubernetes-list-type'] === 'map';
    const change: Partial<Place> = { times: place.times * occurrences(schema) };
    if (!isMap) change.uncorrelated = path;
    below(schema.items, `${path}.items`, change);
  }
  if (typeof schema.additionalProperties === 'object')
    below(schema.additionalProperties, `${path}.additionalProperties`, { times: place.times * occurrences(schema) });
}

function occurrences(schema: Schema): number {
  const type = celTypeOf(schema);
  return type?.kind === 'list' || type?.kind === 'map' ? (type.max ?? 1) : 1;
}

function checkRule(rule: ValidationRule, type: CelType, path: string, schema: Schema, place: Place, walk: Walk): void {
  const { errors } = walk;
  if (!rule.rule?.trim()) {
    errors.push(fieldError.required(`${path}.rule`, 'rule is not specified'));
    return;
  }
  if (rule.message !== undefined && rule.message !== '') {
    if (!rule.message.trim())
      errors.push(fieldError.invalid(`${path}.message`, rule.message, 'message must be non-empty if specified'));
    else if (/[\r\n]/.test(rule.message))
      errors.push(fieldError.invalid(`${path}.message`, rule.message, 'message must not contain line breaks'));
  } else if (/[\r\n]/.test(rule.rule.trim()) && !rule.messageExpression)
    errors.push(fieldError.required(`${path}.message`, 'message must be specified if rule contains line breaks'));
  if (rule.reason !== undefined && !reasons.includes(rule.reason))
    errors.push(fieldError.notSupported(`${path}.reason`, rule.reason, reasons));
  if (rule.fieldPath !== undefined && parseFieldPath(rule.fieldPath, schema) === undefined)
    errors.push(fieldError.invalid(`${path}.fieldPath`, rule.fieldPath, 'fieldPath must be a valid path'));
  let compiled: CompiledRule;
  try {
    compiled = compileRule({ ...rule, messageExpression: '' }, type);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    errors.push(fieldError.invalid(`${path}.rule`, rule.rule, compileErrorText(rule.rule, error)));
    return;
  }
  if (rule.optionalOldSelf !== undefined && !compiled.transition)
    errors.push(
      fieldError.invalid(
        `${path}.optionalOldSelf`,
        rule.optionalOldSelf,
        'option optionalOldSelf may not be set if oldSelf is not used in rule',
      ),
    );
  if (compiled.transition && place.uncorrelated !== undefined)
    errors.push(
      fieldError.invalid(
        `${path}.rule`,
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`,
      ),
    );
  checkCost(compiled.program.cost * place.times, `${path}.rule`, 'rule', walk);
  if (!rule.messageExpression) return;
  try {
    const { message } = compileRule(rule, type);
    checkCost((message?.cost ?? 0) * place.times, `${path}.messageExpression`, 'messageExpression', walk);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const text = compileErrorText(rule.messageExpression, error);
    errors.push(fieldError.invalid(`${path}.messageExpression`, rule.messageExpression, text));
  }
}

function checkCost(cost: number, path: string, what: string, walk: Walk): void {
  walk.total += cost;
  if (cost > ruleLimit)
    walk.errors.push(
      fieldError.forbidden(
        path,
        `estimated ${what} cost exceeds budget by factor of ${factor(cost, ruleLimit)} ${advice}`,
      ),
    );
}

function factor(cost: number, limit: number): string {
  const times = cost / limit;
  return times > 100 ? 'more than 100x' : `${times.toFixed(1)}x`;
}

/** `.spec.a['b-c']` → its steps, when the schema has them; undefined otherwise. */
export function parseFieldPath(path: string, schema: Schema): string | undefined {
  let rest = path;
  let node: Schema | undefined = schema;
  let result = '';
  while (rest !== '') {
    const match = /^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\['((?:[^'\\]|\\.)+)'\])/.exec(rest);
    if (match === null || node === undefined) return undefined;
    const name: string = match[1] ?? (match[2] ?? '').replace(/\\(.)/g, '$1');
    const isField: boolean = node.properties !== undefined && Object.hasOwn(node.properties, name);
    const isKey: boolean = typeof node.additionalProperties === 'object';
    if (!isField && !isKey) return undefined;
    result += isField ? `.${name}` : `[${name}]`;
    node = isField ? node.properties?.[name] : (node.additionalProperties as Schema);
    rest = rest.slice(match[0].length);
  }
  return result === '' ? undefined : result;
}
