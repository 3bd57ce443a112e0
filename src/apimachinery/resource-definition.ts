/**
 * One kind as the API server serves it: data plus small pure functions. Built-in kinds (src/kubernetes), Karmada's own
 * API groups (src/clusters) and custom resources (made from their CRD) are all rows of this type.
 */
import type { ResourceType } from './group-version.ts';
import type { DeepReadonly, ObjectMeta, Unstructured } from './object.ts';
import type { Schema } from './schema/structural.ts';
import type { FieldError } from './status-error.ts';

export type ResourceVerb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface TableColumn {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description?: string;
  /** 0 is always shown, 1 only with -o wide. */
  priority?: number;
  /** The cell of one row. `now` in milliseconds, for ages. */
  cell(object: DeepReadonly<Unstructured>, now: number): string | number | boolean | null;
}

/**
 * When metadata.generation moves: never, on a changed spec, also on changed annotations (Deployments), or on any change
 * outside metadata and status. Writes to /status never move it.
 */
export type GenerationRule = 'none' | 'spec' | 'spec-and-annotations' | 'all';

export interface WriteContext {
  user: {
    readonly name: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  /** Milliseconds since the epoch. */
  now: number;
  dryRun: boolean;
}

/** A subresource that shows the whole object and writes a part of it: certificatesigningrequests/approval, pods/resize. */
export interface ObjectView {
  verbs: readonly ('get' | 'patch' | 'update')[];
  /** The whole new object: the view's part of `sent`, all the rest of `old`. Metadata of both is the registry's business. */
  merge(sent: Unstructured, old: DeepReadonly<Unstructured>, context: Pick<WriteContext, 'user' | 'now'>): Unstructured;
  /** Takes the place of the kind's own rules. */
  validate(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): FieldError[];
}

export interface ResourceDefinition {
  type: ResourceType;
  singular: string;
  listKind: string;
  shortNames: readonly string[];
  categories: readonly string[];
  verbs: readonly ResourceVerb[];
  /** Where objects are kept, when another group or version owns them (events.k8s.io Events are kept as core Events). Default: type. */
  storage?: {
    type: ResourceType;
    toStorage(object: Unstructured): Unstructured;
    fromStorage(object: Unstructured): Unstructured;
    /**
     * Where versions differ in more than their name: brings objects of this kind to a version, before the two functions
     * above see them. Same order; those that are in it already come back as they are. Throws a StatusError.
     */
    convert?(objects: readonly Unstructured[], apiVersion: string): Promise<Unstructured[]>;
  };
  /** Fields of the kind; drives pruning, unknown-field checks, defaults of custom resources, strategic merge and OpenAPI. */
  schema: Schema;
  /** Strategic merge patch is for built-in kinds only. */
  strategicMerge: boolean;
  hasStatus: boolean;
  /** JSON paths (`spec.replicas`) when the kind has a scale subresource. */
  scale?: { specReplicas: string; statusReplicas: string; selector?: string };
  /** By name of the subresource, besides status and scale. */
  views?: Readonly<Record<string, ObjectView>>;
  generation: GenerationRule;
  /** PUT on a missing object creates it. */
  createOnUpdate?: boolean;
  /** PUT without resourceVersion is accepted. Default true. */
  unconditionalUpdate?: boolean;
  /** Default of metadata.deletionGracePeriodSeconds on DELETE; only Pods have one. */
  gracePeriodSeconds?(object: DeepReadonly<Unstructured>): number;
  /** Fills absent fields in place (create, update, and patched results). */
  default?(object: Unstructured): void;
  /** Sets server-owned fields on create. metadata.name and uid are there already: Jobs tie their pods to both. */
  prepareForCreate?(object: Unstructured, context: WriteContext): void;
  /** Carries over server-owned fields on update of the main resource. */
  prepareForUpdate?(object: Unstructured, old: DeepReadonly<Unstructured>, context: WriteContext): void;
  /** Restores what a write to /status may not change. */
  prepareForStatusUpdate?(object: Unstructured, old: DeepReadonly<Unstructured>, context: WriteContext): void;
  validate?(object: DeepReadonly<Unstructured>): FieldError[];
  /** Rules of built-in kinds for writes to /status; without it they have none. */
  validateStatus?(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): FieldError[];
  /** On update, besides `validate`; or in its place where `ratchets` is set: what was invalid before is tolerated. */
  validateUpdate?(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): FieldError[];
  ratchets?: boolean;
  /** Default rule: DNS-1123 subdomain. */
  validateName?(name: string): string | undefined;
  warnings?(object: DeepReadonly<Unstructured>): string[];
  /** The warning that every request for the kind gets: what to use in its place. */
  deprecation?: string;
  /** Field selectors besides metadata.name and metadata.namespace. */
  selectableFields?: { readonly [field: string]: (object: DeepReadonly<Unstructured>) => string };
  /** Columns of `kubectl get`; without them: Name and Age. */
  columns?: readonly TableColumn[];
  /** Of the rows of a table. Default: that of the list. */
  tableOrder?: (a: DeepReadonly<Unstructured>, b: DeepReadonly<Unstructured>) => number;
  /** metadata keys that /status writes keep from the stored object (apiserver.md §7 lists the exceptions). */
  statusKeepsMetadata?: readonly (keyof ObjectMeta)[] | 'all';
}
