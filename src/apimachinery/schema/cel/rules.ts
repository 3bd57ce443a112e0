/**
 * Runs the CEL rules of a schema on an object that satisfies it otherwise.
 *
 * A rule that reads oldSelf runs on updates only, and only where there is an old value to compare with. Another rule does not
 * run on a value that did not change: what was stored before the rule came stays writable.
 */
import { CelError, CostExceeded, Optional, type Value } from '../../cel/values.ts';
import { type DeepReadonly, deepEqual } from '../../object.ts';
import { type FieldError, fieldError } from '../../status-error.ts';
import type { Schema } from '../structural.ts';
import { type CompiledRule, compileRule, parseFieldPath, rulesOf } from './rule-check.ts';
import { celTypeOf, celValueOf } from './schema-values.ts';

/** What one run of a rule may cost, and all rules on one object together. */
const callLimit = 1_000_000;
const objectLimit = 10_000_000;
const maxMessage = 5120;

/** The rules of a schema, as found at its places; undefined when it has none. Compiled at first use. */
export interface RuleSet {
  validate(object: DeepReadonly<object>, old: DeepReadonly<object> | undefined): FieldError[];
}

export function ruleSetOf(schema: Schema): RuleSet | undefined {
  if (!hasRules(schema)) return undefined;
  let tree: Tree | undefined;
  return {
    validate(object, old) {
      tree ??= treeOf(schema, true);
      const run: Run = { errors: [], left: objectLimit };
      if (tree !== undefined) visit(tree, object, old, '', run);
      return run.errors;
    },
  };
}

/** After these kinds of errors rules could meet values that they are not typed for. */
const blocking: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** The errors of the schema, and behind them those of the rules, or that they could not be checked. */
export function withRules(
  errors: FieldError[],
  rules: RuleSet | undefined,
  object: DeepReadonly<object>,
  old?: DeepReadonly<object>,
): FieldError[] {
  if (rules === undefined) return errors;
  if (!errors.some(({ type }) => blocking.has(type))) return [...errors, ...rules.validate(object, old)];
  return [
    ...errors,
    fieldError.invalid(
      '<nil>',
      null,
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ),
  ];
}

interface Tree {
  schema: Schema;
  root: boolean;
  rules: readonly CompiledRule[];
  properties: readonly (readonly [string, Tree])[];
  each: Tree | undefined;
}

interface Run {
  errors: FieldError[];
  left: number;
}

function hasRules(schema: Schema): boolean {
  return (
    rulesOf(schema).length > 0 ||
    Object.values(schema.properties ?? {}).some(hasRules) ||
    (schema.items !== undefined && hasRules(schema.items)) ||
    (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties))
  );
}

function treeOf(schema: Schema, root = false): Tree | undefined {
  if (!hasRules(schema)) return undefined;
  const type = celTypeOf(schema, root);
  const child =
    schema.items ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  return {
    schema,
    root,
    rules: type === undefined ? [] : rulesOf(schema).map((rule) => compileRule(rule, type)),
    properties: Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      const below = treeOf(property);
      return below === undefined ? [] : [[name, below] as const];
    }),
    each: child === undefined ? undefined : treeOf(child),
  };
}

type Json = { readonly [key: string]: unknown };

function visit(tree: Tree, value: unknown, old: unknown, path: string, run: Run): void {
  if (value === undefined || value === null || run.left < 0) return;
  const unchanged = old !== undefined && deepEqual(value, old);
  if (tree.rules.length > 0) {
    const self = attempt(() => celValueOf(value, tree.schema, tree.root));
    const oldSelf =
      old === undefined || old === null ? undefined : attempt(() => celValueOf(old, tree.schema, tree.root));
    for (const rule of tree.rules) {
      if (run.left < 0) return;
      if (rule.transition ? oldSelf === undefined && rule.source.optionalOldSelf !== true : unchanged) continue;
      if (self !== undefined) apply(rule, self, oldSelf, tree, path, run);
    }
  }
  if (Array.isArray(value)) {
    if (tree.each === undefined) return;
    const before = correlation(tree.schema, old);
    for (const [i, item] of value.entries()) visit(tree.each, item, before(item), `${path}[${i}]`, run);
    return;
  }
  if (typeof value !== 'object') return;
  const map = value as Json;
  const oldMap = typeof old === 'object' && old !== null && !Array.isArray(old) ? (old as Json) : undefined;
  for (const [name, child] of tree.properties)
    if (Object.hasOwn(map, name)) visit(child, map[name], oldMap?.[name], path === '' ? name : `${path}.${name}`, run);
  if (tree.each !== undefined)
    for (const key of Object.keys(map)) visit(tree.each, map[key], oldMap?.[key], `${path}[${key}]`, run);
}

/** Values of a format that another check has found broken are left to that check. */
function attempt(convert: () => Value): Value | undefined {
  try {
    return convert();
  } catch (error) {
    if (error instanceof CelError) return undefined;
    throw error;
  }
}

/** The old element of the same keys, in lists that have keys. */
function correlation(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined;
  if (keys === undefined || !Array.isArray(old)) return () => undefined;
  const idOf = (item: unknown): string => JSON.stringify(keys.map((key) => (item as Json | null)?.[key] ?? null));
  const before = new Map(old.map((item) => [idOf(item), item]));
  return (item) => before.get(idOf(item));
}

function apply(
  { source, program, message }: CompiledRule,
  self: Value,
  oldSelf: Value | undefined,
  { schema }: Tree,
  path: string,
  run: Run,
): void {
  const variables = {
    self,
    oldSelf: source.optionalOldSelf === true ? new Optional(oldSelf) : (oldSelf ?? null),
  };
  const at = path === '' ? '<nil>' : path;
  const wrong = (text: string) => run.errors.push(fieldError.invalid(at, schema.type ?? 'object', text));
  const limited = <T>(what: () => T, budget: { left: number }, granted: number): T => {
    try {
      return what();
    } finally {
      run.left -= granted - budget.left;
    }
  };
  const granted = Math.min(callLimit, Math.max(run.left, 0));
  const budget = { left: granted };
  try {
    const holds = limited(() => program.evaluate(variables, budget), budget, granted);
    if (holds === true) return;
    if (typeof holds !== 'boolean') {
      wrong(`the rule does not give a bool: ${source.rule}`);
      return;
    }
  } catch (error) {
    if (error instanceof CostExceeded) {
      if (run.left > 0)
        wrong(`no further validation rules will be run: call cost exceeds limit for rule: ${source.rule}`);
      else wrong('validation failed due to running out of cost budget, no further validation rules will be run');
      run.left = -1;
      return;
    }
    if (!(error instanceof CelError)) throw error;
    wrong(`${error.message} evaluating rule: ${source.message?.trim() || source.rule.trim()}`);
    return;
  }
  let text = source.message?.trim() || `failed rule: ${source.rule.trim()}`;
  if (message !== undefined) {
    const rest = { left: granted };
    try {
      const own = limited(() => message.evaluate(variables, rest), rest, granted);
      if (typeof own === 'string' && own.trim() !== '' && own.length <= maxMessage && !/[\r\n]/.test(own))
        text = own.trim();
    } catch (error) {
      if (!(error instanceof CelError) && !(error instanceof CostExceeded)) throw error;
    }
  }
  const suffix = source.fieldPath === undefined ? undefined : parseFieldPath(source.fieldPath, schema);
  const field = suffix === undefined ? at : path === '' ? suffix.replace(/^\./, '') : `${path}${suffix}`;
  run.errors.push(failure(source.reason, field, schema.type ?? 'object', text));
}

function failure(reason: string | undefined, field: string, value: string, text: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return fieldError.forbidden(field, text);
    case 'FieldValueRequired':
      return fieldError.required(field, text);
    case 'FieldValueDuplicate':
      return fieldError.duplicate(field, value);
    default:
      return fieldError.invalid(field, value, text);
  }
}
