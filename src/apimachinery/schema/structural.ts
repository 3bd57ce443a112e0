/**
 * The one description of a kind's fields: OpenAPI v3 structural schemas with the `x-kubernetes-*` extensions, as in
 * CustomResourceDefinitions. Built-in kinds get theirs from the facts table in src/kubernetes, custom resources from their
 * CRD, our own groups from src/apis. Pruning, defaulting, validation, strategic merge, apply and OpenAPI all read this form.
 */
export interface Schema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  description?: string;
  title?: string;
  default?: unknown;
  nullable?: boolean;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: { readonly [name: string]: Schema };
  additionalProperties?: Schema | boolean;
  items?: Schema;
  allOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  not?: Schema;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-validations'?: readonly unknown[];
  /** Properties that a typed server has even where nothing was said (Go structs that are no pointers). Never sent as is. */
  alwaysPresent?: ReadonlySet<string>;
  /**
   * Name of a shared definition (`io.k8s.api.core.v1.PodSpec`): OpenAPI documents emit such a node once under
   * `components.schemas` and refer to it. Nodes of built-in kinds are shared objects and may be cyclic. Never sent as is.
   */
  definition?: string;
}
