import { describe, expect, it } from 'vitest';
import { completenessErrors } from './completeness.ts';
import { applyDefaults } from './default.ts';
import { prune, unknownFields } from './prune.ts';
import type { Schema } from './structural.ts';
import { structuralErrors, unknownFormats } from './structural-check.ts';
import { cannotBeHandled, findTypeError, strictDecodingText } from './type-check.ts';
import { validateSchema } from './validate.ts';

const text: Schema = { type: 'string' };

/** A kind whose spec has the given fields. */
const kind = (spec: Record<string, Schema>, extra: Schema = {}): Schema => ({
  type: 'object',
  properties: { metadata: { type: 'object' }, spec: { type: 'object', properties: spec, ...extra } },
});

describe('prune', () => {
  const schema = kind({
    name: text,
    map: { type: 'object', additionalProperties: { type: 'object', properties: { a: text } } },
    list: { type: 'array', items: { type: 'object', properties: { a: text } } },
    open: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { shut: { type: 'object', properties: { a: text } } },
    },
    embedded: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      properties: { spec: { type: 'object', properties: { a: text } } },
    },
    port: { 'x-kubernetes-int-or-string': true },
  });

  it('removes what the schema does not know and names it', () => {
    const object = {
      apiVersion: 'g/v1',
      kind: 'Foo',
      metadata: { name: 'x', labels: { any: 'thing' }, color: 'red' },
      extra: 1,
      spec: {
        name: 'n',
        foo: 1,
        map: { anyKey: { a: '1', b: '2' } },
        list: [{ a: '1' }, { a: '1', bar: 2 }],
        open: { free: { x: 1 }, shut: { a: '1', b: 2 } },
        embedded: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', x: 1 }, spec: { a: '1', b: 2 }, status: {} },
        port: 80,
      },
    };
    const paths = [
      'metadata.color',
      'extra',
      'spec.foo',
      'spec.map.anyKey.b',
      'spec.list[1].bar',
      'spec.open.shut.b',
      'spec.embedded.metadata.x',
      'spec.embedded.spec.b',
      'spec.embedded.status',
    ];
    expect(unknownFields(object, schema)).toEqual(paths);
    expect(prune(object, schema)).toEqual(paths);
    expect(prune(object, schema)).toEqual([]);
    expect(object).toEqual({
      apiVersion: 'g/v1',
      kind: 'Foo',
      metadata: { name: 'x', labels: { any: 'thing' } },
      spec: {
        name: 'n',
        map: { anyKey: { a: '1' } },
        list: [{ a: '1' }, { a: '1' }],
        open: { free: { x: 1 }, shut: { a: '1' } },
        embedded: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { a: '1' } },
        port: 80,
      },
    });
  });
});

describe('applyDefaults', () => {
  const schema = kind({
    a: { type: 'integer', default: 5 },
    none: text,
    nullable: { type: 'string', nullable: true, default: 'x' },
    parent: { type: 'object', properties: { b: { type: 'string', default: 'y' } } },
    cascading: { type: 'object', default: {}, properties: { b: { type: 'string', default: 'y' } } },
    list: { type: 'array', items: { type: 'object', properties: { b: { type: 'string', default: 'y' } } } },
    map: {
      type: 'object',
      additionalProperties: { type: 'object', properties: { b: { type: 'string', default: 'y' } } },
    },
  });

  it.each<[string, object, object]>([
    ['fills missing keys, also below defaulted parents', {}, { a: 5, nullable: 'x', cascading: { b: 'y' } }],
    ['keeps what is given', { a: 0, cascading: { b: '' } }, { a: 0, nullable: 'x', cascading: { b: '' } }],
    [
      'replaces null where it is not allowed',
      { a: null, nullable: null },
      { a: 5, nullable: null, cascading: { b: 'y' } },
    ],
    ['drops null without default', { none: null }, { a: 5, nullable: 'x', cascading: { b: 'y' } }],
    [
      'reaches into lists and maps',
      { list: [{}], map: { k: {} } },
      { a: 5, nullable: 'x', cascading: { b: 'y' }, list: [{ b: 'y' }], map: { k: { b: 'y' } } },
    ],
    ['needs an existing parent', { parent: {} }, { a: 5, nullable: 'x', cascading: { b: 'y' }, parent: { b: 'y' } }],
  ])('%s', (_, spec, expected) => {
    const object = { spec };
    applyDefaults(object, schema);
    expect(object.spec).toEqual(expected);
  });
});

describe('validateSchema', () => {
  it.each<[string, Schema, unknown, string[]]>([
    [
      'type',
      { type: 'integer' },
      'x',
      ['spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"'],
    ],
    [
      'integer',
      { type: 'integer' },
      1.5,
      ['spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"'],
    ],
    [
      'null',
      { type: 'string' },
      null,
      ['spec.x: Invalid value: "null": spec.x in body must be of type string: "null"'],
    ],
    ['nullable', { type: 'string', nullable: true }, null, []],
    [
      'maximum',
      { type: 'integer', maximum: 3 },
      5,
      ['spec.x: Invalid value: 5: spec.x in body should be less than or equal to 3'],
    ],
    [
      'minimum',
      { type: 'integer', minimum: 3 },
      1,
      ['spec.x: Invalid value: 1: spec.x in body should be greater than or equal to 3'],
    ],
    [
      'exclusiveMinimum',
      { type: 'integer', minimum: 3, exclusiveMinimum: true },
      3,
      ['spec.x: Invalid value: 3: spec.x in body should be greater than 3'],
    ],
    ['multipleOf', { type: 'number', multipleOf: 0.1 }, 0.3, []],
    [
      'minLength in code points',
      { type: 'string', minLength: 2 },
      '😀',
      ['spec.x: Invalid value: "😀": spec.x in body should be at least 2 chars long'],
    ],
    ['maxLength', { type: 'string', maxLength: 1 }, 'ab', ['spec.x: Too long: may not be more than 1 bytes']],
    [
      'pattern',
      { type: 'string', pattern: '^a+$' },
      'b',
      ['spec.x: Invalid value: "b": spec.x in body should match \'^a+$\''],
    ],
    [
      'a pattern that backtracking would die on',
      { type: 'string', pattern: '^(a+)+$' },
      `${'a'.repeat(60)}b`,
      [`spec.x: Invalid value: "${'a'.repeat(60)}b": spec.x in body should match '^(a+)+$'`],
    ],
    ['enum', { type: 'string', enum: ['a', 'c'] }, 'b', ['spec.x: Unsupported value: "b": supported values: "a", "c"']],
    ['required', { type: 'object', required: ['y'], properties: { y: text } }, {}, ['spec.x.y: Required value']],
    [
      'maxItems',
      { type: 'array', items: text, maxItems: 1 },
      ['a', 'b'],
      ['spec.x: Too many: 2: must have at most 1 items'],
    ],
    [
      'set',
      { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
      ['a', 'a'],
      ['spec.x[1]: Duplicate value: "a"'],
    ],
    [
      'list map',
      {
        type: 'array',
        items: { type: 'object', properties: { k: text } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [{ k: 'a' }, { k: 'a' }],
      ['spec.x[1]: Duplicate value: {"k":"a"}'],
    ],
    [
      'int-or-string',
      { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
      '80%',
      [],
    ],
    [
      'format',
      { type: 'string', format: 'date-time' },
      'now',
      ['spec.x: Invalid value: "now": spec.x in body must be of type date-time: "now"'],
    ],
    ['unknown format', { type: 'string', format: 'color' }, 'now', []],
    [
      'oneOf',
      { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      { a: 1, b: 1 },
      ['<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      'anyOf',
      { type: 'object', anyOf: [{ required: ['a'] }] },
      {},
      ['<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)'],
    ],
    [
      'not',
      { type: 'object', not: { required: ['a'] } },
      { a: 1 },
      ['<nil>: Invalid value: "": "spec.x" must not validate the schema (not)'],
    ],
    [
      'allOf',
      { type: 'integer', allOf: [{ minimum: 2 }, { maximum: 5 }] },
      7,
      ['spec.x: Invalid value: 7: spec.x in body should be less than or equal to 5'],
    ],
    [
      'embedded resource',
      { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      { kind: 'A' },
      ['spec.x.apiVersion: Required value: must not be empty'],
    ],
  ])('%s', (_, x, value, messages) => {
    const errors = validateSchema({ spec: { x: value } }, kind({ x }));
    expect(errors.map((e) => `${e.field}: ${e.message}`)).toEqual(messages);
  });

  it('tolerates on update what did not change', () => {
    const schema = kind({ x: { type: 'integer', maximum: 3 }, y: { type: 'integer', maximum: 3 } });
    expect(validateSchema({ spec: { x: 9, y: 1 } }, schema, { spec: { x: 9, y: 2 } })).toEqual([]);
    expect(validateSchema({ spec: { x: 10, y: 1 } }, schema, { spec: { x: 9, y: 2 } })).toHaveLength(1);
  });
});

describe('findTypeError', () => {
  const definition = (name: string): string => `io.k8s.api.apps.v1.${name}`;
  const deployment: Schema = {
    definition: definition('Deployment'),
    type: 'object',
    properties: {
      spec: {
        definition: definition('DeploymentSpec'),
        type: 'object',
        properties: {
          replicas: { type: 'integer', format: 'int32' },
          paused: { type: 'boolean' },
          containers: {
            type: 'array',
            items: {
              definition: 'io.k8s.api.core.v1.Container',
              type: 'object',
              properties: { name: text, args: { type: 'array', items: text } },
            },
          },
          labels: { type: 'object', additionalProperties: text },
          data: { type: 'object', additionalProperties: { type: 'string', format: 'byte' } },
          limit: {
            definition: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
            oneOf: [{ type: 'string' }, { type: 'number' }],
          },
          port: { 'x-kubernetes-int-or-string': true },
        },
      },
    },
  };

  it.each<[object, string | undefined]>([
    [
      { replicas: 'x' },
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { replicas: 1.5 },
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      { replicas: 3000000000 },
      'json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [{ replicas: null }, undefined],
    [{ paused: 'true' }, 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool'],
    [
      { containers: {} },
      'json: cannot unmarshal object into Go struct field DeploymentSpec.spec.containers of type []v1.Container',
    ],
    [
      { containers: [{ name: 1 }] },
      'json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
    ],
    [
      { containers: [{ args: [true] }] },
      'json: cannot unmarshal bool into Go struct field Container.spec.containers.args of type string',
    ],
    [
      { labels: { a: 1 } },
      'json: cannot unmarshal number into Go struct field DeploymentSpec.spec.labels of type string',
    ],
    [
      { labels: [] },
      'json: cannot unmarshal array into Go struct field DeploymentSpec.spec.labels of type map[string]string',
    ],
    [{ data: { a: '!' } }, 'illegal base64 data at input byte 0'],
    [{ limit: 'much' }, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
    [{ limit: '1Gi', port: 'http', unknown: {} }, undefined],
    [{ port: {} }, 'json: cannot unmarshal object into Go value of type int32'],
  ])('%j', (spec, expected) => {
    expect(findTypeError({ spec }, deployment)).toBe(expected);
  });

  it('is wrapped as API servers do', () => {
    const error = cannotBeHandled(
      { group: 'apps', version: 'v1', kind: 'Deployment' },
      strictDecodingText(['spec.foo']),
    );
    expect(error.status).toMatchObject({
      code: 400,
      reason: 'BadRequest',
      message:
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo"',
    });
  });
});

describe('structuralErrors', () => {
  const root = (spec: object): object => ({ type: 'object', properties: { spec } });

  it.each<[string, object, string[]]>([
    ['a plain schema', root({ type: 'object', properties: { a: { type: 'string' } } }), []],
    [
      'a missing type',
      root({ properties: {} }),
      ['s.properties[spec].type: Required value: must not be empty for specified object fields'],
    ],
    ['a root that is no object', { type: 'string' }, ['s.type: Invalid value: "string": must be object at the root']],
    [
      'properties beside additionalProperties',
      root({ type: 'object', properties: {}, additionalProperties: true }),
      ['s.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    [
      'types below anyOf',
      root({ type: 'string', anyOf: [{ type: 'string' }] }),
      ['s.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural'],
    ],
    [
      'types below anyOf of int-or-string',
      root({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }),
      [],
    ],
    ['$ref', root({ type: 'object', $ref: '#/x' }), ['s.properties[spec].$ref: Forbidden: $ref is not supported']],
    [
      'a bad pattern',
      root({ type: 'string', pattern: '(' }),
      [
        's.properties[spec].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
      ],
    ],
    [
      'an array without items',
      root({ type: 'array' }),
      ['s.properties[spec].items: Required value: must be specified'],
    ],
    [
      'list map without keys',
      root({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' }),
      [
        's.properties[spec].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
      ],
    ],
    [
      'restricted metadata',
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      [
        's.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
      ],
    ],
    [
      'additionalProperties at the root',
      { type: 'object', additionalProperties: { type: 'string' } },
      ['s.additionalProperties: Forbidden: must not be used at the root'],
    ],
    [
      'array items without a type',
      root({ type: 'array', items: {} }),
      ['s.properties[spec].items.type: Required value: must not be empty for specified array items'],
    ],
    [
      'sets of what can be owned in parts',
      root({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'set' }),
      [
        's.properties[spec].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      'a map type of no map',
      root({ type: 'string', 'x-kubernetes-map-type': 'loose' }),
      [
        's.properties[spec].type: Invalid value: "string": must be object if x-kubernetes-map-type is specified',
        's.properties[spec].x-kubernetes-map-type: Unsupported value: "loose": supported values: "atomic", "granular"',
      ],
    ],
    [
      'preserve-unknown-fields false',
      root({ type: 'object', 'x-kubernetes-preserve-unknown-fields': false }),
      ['s.properties[spec].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined'],
    ],
    [
      'metadata in a branch',
      root({ type: 'object', not: { properties: { metadata: {} } } }),
      ['s.properties[spec].not.properties[metadata]: Forbidden: must not be specified in a nested context'],
    ],
  ])('%s', (_, schema, messages) => {
    expect(structuralErrors(schema, 's').map((e) => `${e.field}: ${e.message}`)).toEqual(messages);
  });

  it('branches speak only of what stands outside of them', () => {
    const branch = { properties: { b: {}, a: { items: {} } } };
    const schema: Schema = { type: 'object', properties: { a: { type: 'string' } }, anyOf: [branch] };
    expect(completenessErrors(schema, 's').map((e) => `${e.field}: ${e.message}`)).toEqual([
      's.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]',
      's.properties[a].items: Required value: because it is defined in s.anyOf[0].properties[a].items',
    ]);
  });

  it('names formats that nobody knows', () => {
    expect(
      unknownFormats(kind({ a: { type: 'string', format: 'color' }, b: { type: 'integer', format: 'int32' } })),
    ).toEqual(['color']);
  });
});
