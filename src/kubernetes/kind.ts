/** How a row of kinds.ts becomes a ResourceDefinition: what a row may leave out, and the usual values. */
import { parseApiVersion } from '../apimachinery/group-version.ts';
import type { ResourceDefinition, ResourceVerb } from '../apimachinery/resource-definition.ts';
import { schemaOf } from './field-schema.ts';
import { toTypedForm } from './typed-form.ts';

/** What a kind's own file brings: functions and columns. */
export type KindBehaviour = Partial<
  Pick<
    ResourceDefinition,
    | 'default'
    | 'prepareForCreate'
    | 'prepareForUpdate'
    | 'prepareForStatusUpdate'
    | 'validate'
    | 'validateStatus'
    | 'validateUpdate'
    | 'validateName'
    | 'warnings'
    | 'deprecation'
    | 'gracePeriodSeconds'
    | 'selectableFields'
    | 'columns'
    | 'tableOrder'
    | 'views'
    | 'storage'
  >
>;

/** What a row says besides group version, plural and kind. */
export interface KindRow {
  scope?: 'Namespaced' | 'Cluster';
  short?: readonly string[];
  categories?: readonly string[];
  verbs?: readonly ResourceVerb[];
  /** Has a status subresource. */
  status?: boolean;
  scale?: ResourceDefinition['scale'];
  generation?: ResourceDefinition['generation'];
  createOnUpdate?: boolean;
  unconditionalUpdate?: boolean;
  statusKeepsMetadata?: NonNullable<ResourceDefinition['statusKeepsMetadata']>;
}

const allVerbs: readonly ResourceVerb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** One built-in kind. The schema is made when it is first read. */
export function defineKind(
  apiVersion: string,
  resource: string,
  kind: string,
  row: KindRow,
  behaviour: KindBehaviour = {},
): ResourceDefinition {
  const gvk = { ...parseApiVersion(apiVersion), kind };
  const definition: ResourceDefinition = {
    type: { ...gvk, resource, namespaced: row.scope !== 'Cluster' },
    singular: kind.toLowerCase(),
    listKind: `${kind}List`,
    shortNames: row.short ?? [],
    categories: row.categories ?? [],
    verbs: row.verbs ?? allVerbs,
    get schema() {
      return schemaOf(gvk);
    },
    strategicMerge: true,
    hasStatus: row.status ?? false,
    generation: row.generation ?? 'none',
  };
  if (row.scale !== undefined) definition.scale = row.scale;
  if (row.createOnUpdate !== undefined) definition.createOnUpdate = row.createOnUpdate;
  if (row.unconditionalUpdate !== undefined) definition.unconditionalUpdate = row.unconditionalUpdate;
  if (row.statusKeepsMetadata !== undefined) definition.statusKeepsMetadata = row.statusKeepsMetadata;
  Object.assign(definition, behaviour);
  definition.default = (object) => {
    toTypedForm(object, gvk);
    behaviour.default?.(object);
  };
  return definition;
}
