import { describe, expect, it } from 'vitest';
import type { Schema } from '../structural.ts';
import { validateSchema } from '../validate.ts';
import { ruleErrors } from './rule-check.ts';
import { ruleSetOf, withRules } from './rules.ts';
import { escapeField } from './schema-values.ts';

/** A route in the way of Gateway API: rules on fields, on items of keyed lists, across fields, with transition rules. */
const route: Schema = {
  type: 'object',
  'x-kubernetes-validations': [{ rule: "self.metadata.name != 'bad'", message: 'bad name' }],
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': [
        {
          rule: '!has(self.max) || self.min <= self.max',
          messageExpression: "'min %d is above max %d'.format([self.min, self.max])",
        },
        {
          rule: 'self.class == oldSelf.class',
          message: 'class is immutable',
          fieldPath: '.class',
          reason: 'FieldValueForbidden',
        },
        {
          rule: '!oldSelf.hasValue() || oldSelf.value().min <= self.min',
          optionalOldSelf: true,
          message: 'min never goes down',
        },
      ],
      properties: {
        class: { type: 'string', maxLength: 50 },
        min: { type: 'integer' },
        max: { type: 'integer' },
        'x-y.z': { type: 'string', 'x-kubernetes-validations': [{ rule: "self.startsWith('a')" }] },
        namespace: { type: 'string' },
        size: {
          'x-kubernetes-int-or-string': true,
          'x-kubernetes-validations': [{ rule: "type(self) == int ? self < 5 : self == 'x'" }],
        },
        when: {
          type: 'string',
          format: 'date-time',
          'x-kubernetes-validations': [{ rule: "self > timestamp('2020-01-01T00:00:00Z')" }],
        },
        rules: {
          type: 'array',
          maxItems: 16,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string', maxLength: 20 }, port: { type: 'integer' } },
            'x-kubernetes-validations': [{ rule: 'self.port >= oldSelf.port', message: 'ports only rise' }],
          },
        },
        labels: {
          type: 'object',
          additionalProperties: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self.size() > 1' }] },
        },
      },
    },
  },
};

const rules = ruleSetOf(route);
const object = (spec: object, name = 'r') => ({ apiVersion: 'g/v1', kind: 'Route', metadata: { name }, spec });
const errors = (value: object, old?: object) =>
  withRules(validateSchema(value, route, old), rules, value, old).map(({ field, message }) => `${field}: ${message}`);

describe('rules on create', () => {
  it('compiles', () => expect(ruleErrors(route, 'schema')).toEqual([]));
  it.each<[string, object, string[]]>([
    ['nothing wrong', { min: 1, max: 2 }, []],
    ['a message that is computed', { min: 3, max: 2 }, ['spec: Invalid value: "object": min 3 is above max 2']],
    [
      'a field whose name is escaped',
      { min: 1, 'x-y.z': 'b' },
      [`spec.x-y.z: Invalid value: "string": failed rule: self.startsWith('a')`],
    ],
    [
      'int or string',
      { min: 1, size: 7 },
      [`spec.size: Invalid value: "object": failed rule: type(self) == int ? self < 5 : self == 'x'`],
    ],
    [
      'a time',
      { min: 1, when: '2019-01-01T00:00:00Z' },
      [`spec.when: Invalid value: "string": failed rule: self > timestamp('2020-01-01T00:00:00Z')`],
    ],
    [
      'values of a map',
      { min: 1, labels: { a: 'x' } },
      ['spec.labels[a]: Invalid value: "string": failed rule: self.size() > 1'],
    ],
  ])('%s', (_name, spec, expected) => expect(errors(object(spec))).toEqual(expected));
  it('the root', () => expect(errors(object({ min: 1 }, 'bad'))).toEqual(['<nil>: Invalid value: "object": bad name']));
  it('a field that is missing', () =>
    expect(errors(object({ max: 1 }))).toEqual([
      'spec: Invalid value: "object": no such key: min evaluating rule: !has(self.max) || self.min <= self.max',
    ]));
  it('does not run on what the schema refuses', () =>
    expect(errors(object({ min: 'x' }))).toEqual([
      'spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"',
      '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ]));
});

describe('rules on update', () => {
  it('compares with the old value', () =>
    expect(errors(object({ min: 1, class: 'b' }), object({ min: 1, class: 'a' }))).toEqual([
      'spec.class: Forbidden: class is immutable',
    ]));
  it('takes an old value that may be missing', () =>
    expect(errors(object({ min: 1, class: 'a' }), object({ min: 2, class: 'a' }))).toEqual([
      'spec: Invalid value: "object": min never goes down',
    ]));
  it('finds the old element of a keyed list', () => {
    const of = (port: number) => object({ class: 'a', min: 1, rules: [{ name: 'n', port }] });
    const more = object({
      class: 'a',
      min: 1,
      rules: [
        { name: 'new', port: 1 },
        { name: 'n', port: 3 },
      ],
    });
    expect(errors(more, of(5))).toEqual(['spec.rules[1]: Invalid value: "object": ports only rise']);
    expect(errors(more, of(2))).toEqual([]);
  });
  it('leaves alone what did not change', () => {
    const old = { class: 'a', min: 1, labels: { a: 'x' } };
    expect(errors(object({ ...old, max: 3 }), object(old))).toEqual([]);
    expect(errors(object({ ...old, labels: { a: 'y' } }), object(old))).toHaveLength(1);
  });
});

describe('rules that are refused with their CRD', () => {
  const listOf = (items: Schema, more: Schema = {}): Schema => ({
    type: 'object',
    properties: { l: { type: 'array', items, ...more } },
  });
  const ruled = (rule: object, more: Schema = {}): Schema => ({
    type: 'object',
    properties: { a: { type: 'string' } },
    'x-kubernetes-validations': [rule],
    ...more,
  });
  it.each<[string, Schema, RegExp]>([
    [
      'a field that is not declared',
      ruled({ rule: 'self.b == 1' }),
      /^s\.x-kubernetes-validations\[0\]\.rule: Invalid value: "self.b == 1": compilation failed: ERROR: <input>:1:1: undefined field 'b'/,
    ],
    ['another type', ruled({ rule: 'self.a' }), /must evaluate to a bool/],
    ['no rule', ruled({ rule: ' ' }), /rule: Required value: rule is not specified/],
    ['a message of two lines', ruled({ rule: 'true', message: 'a\nb' }), /message must not contain line breaks/],
    [
      'a message that does not compile',
      ruled({ rule: 'true', messageExpression: 'self.b' }),
      /messageExpression: Invalid value: "self.b": compilation failed/,
    ],
    ['an unknown reason', ruled({ rule: 'true', reason: 'X' }), /reason: Unsupported value: "X"/],
    ['a path to nowhere', ruled({ rule: 'true', fieldPath: '.x' }), /fieldPath must be a valid path/],
    [
      'optionalOldSelf without oldSelf',
      ruled({ rule: 'true', optionalOldSelf: true }),
      /may not be set if oldSelf is not used/,
    ],
    [
      'oldSelf in a list without keys',
      listOf({ type: 'integer', 'x-kubernetes-validations': [{ rule: 'self > oldSelf' }] }),
      /oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties\[l\]/,
    ],
    [
      'too much work',
      listOf({ type: 'string' }, { 'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, x != y))' }] }),
      /rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x/,
    ],
  ])('%s', (_name, schema, expected) => {
    expect(
      ruleErrors(schema, 's')
        .map(({ field, message }) => `${field}: ${message}`)
        .join('\n'),
    ).toMatch(expected);
  });
});

it('stops a rule that costs more than its budget', () => {
  const items: Schema = { type: 'integer' };
  const schema: Schema = {
    type: 'object',
    properties: {
      l: {
        type: 'array',
        maxItems: 100,
        items,
        'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))' }],
      },
    },
  };
  const found = ruleSetOf(schema)?.validate({ l: Array.from({ length: 100 }, (_, i) => i) }, undefined) ?? [];
  expect(found[0]?.message).toContain('call cost exceeds limit for rule');
});

it.each([
  ['a-b', 'a__dash__b'],
  ['a.b/c', 'a__dot__b__slash__c'],
  ['in', '__in__'],
  ['a__b', 'a__underscores__b'],
  ['ok_1', 'ok_1'],
  ['1a', undefined],
  ['ä', undefined],
])('escapes %s', (name, escaped) => expect(escapeField(name)).toBe(escaped));
