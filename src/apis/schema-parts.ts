/** Schemas that several Karmada kinds embed, and short words for writing more. */
import type { Schema } from '../apimachinery/schema/structural.ts';

type Properties = { readonly [name: string]: Schema };
type Extra = Omit<Schema, 'type' | 'properties' | 'items'>;

export const string: Schema = { type: 'string' };
export const boolean: Schema = { type: 'boolean' };
export const integer: Schema = { type: 'integer' };
export const int32: Schema = { type: 'integer', format: 'int32' };
export const int64: Schema = { type: 'integer', format: 'int64' };
export const dateTime: Schema = { type: 'string', format: 'date-time' };
export const stringMap: Schema = { type: 'object', additionalProperties: string };
/** An object of any fields. */
export const anyObject: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
/** Any JSON value. */
export const anyJson: Schema = { 'x-kubernetes-preserve-unknown-fields': true };

export const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values });
export const list = (items: Schema, extra: Extra = {}): Schema => ({ type: 'array', items, ...extra });
export const object = (properties: Properties, required: readonly string[] = [], extra: Extra = {}): Schema => ({
  type: 'object',
  ...(required.length > 0 ? { required } : {}),
  properties,
  ...extra,
});

/** A whole kind: spec, perhaps status, and the fields that every object has. */
export function kindSchema(spec: Schema, status?: Schema): Schema {
  return object(
    {
      apiVersion: string,
      kind: string,
      metadata: { type: 'object' },
      spec,
      ...(status === undefined ? {} : { status }),
    },
    ['spec'],
  );
}

export const atomicStrings = list(string, { 'x-kubernetes-list-type': 'atomic' });

export const selectorRequirement = object({ key: string, operator: string, values: atomicStrings }, [
  'key',
  'operator',
]);

export const labelSelector = object(
  {
    matchExpressions: list(selectorRequirement, { 'x-kubernetes-list-type': 'atomic' }),
    matchLabels: stringMap,
  },
  [],
  { 'x-kubernetes-map-type': 'atomic' },
);

export const toleration = object({
  effect: string,
  key: string,
  operator: string,
  tolerationSeconds: int64,
  value: string,
});

export const condition = object(
  {
    lastTransitionTime: dateTime,
    message: { type: 'string', maxLength: 32768 },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    reason: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    },
    status: oneOf('True', 'False', 'Unknown'),
    type: {
      type: 'string',
      maxLength: 316,
      pattern:
        '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
    },
  },
  ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
);

export const quantity: Schema = {
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  pattern:
    '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  'x-kubernetes-int-or-string': true,
};

export const resourceList: Schema = { type: 'object', additionalProperties: quantity };

export const resourceHealth = oneOf('Healthy', 'Unhealthy', 'Unknown');
