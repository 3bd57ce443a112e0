/** From a CRD to what the server serves: one ResourceDefinition per served version. */
import { apiVersionOf, type ResourceType } from '../../apimachinery/group-version.ts';
import { compileJsonPath } from '../../apimachinery/json-path.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { ruleSetOf, withRules } from '../../apimachinery/schema/cel/rules.ts';
import { applyDefaults } from '../../apimachinery/schema/default.ts';
import { objectMetaSchema } from '../../apimachinery/schema/object-meta.ts';
import { prune } from '../../apimachinery/schema/prune.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { validateSchema } from '../../apimachinery/schema/validate.ts';
import { compareVersions } from '../discovery/served-groups.ts';
import { customResourceColumns } from './columns.ts';
import type { ConvertObjects } from './conversion-webhook.ts';
import { type CrdVersion, listKindOf, type ReadonlyCrd, singularOf, storageVersionOf } from './crd.ts';

/** Empty when no version is served. Cost: one pass over the schemas' top level; nothing is compiled but printer columns. */
export function definitionsOf(crd: ReadonlyCrd, convert: ConvertObjects | undefined): ResourceDefinition[] {
  return crd.spec.versions.filter((version) => version.served).map((version) => definitionOf(crd, version, convert));
}

/** The definition under which the objects are stored, also when that version is not served: for deleting them. */
export function storageDefinitionOf(
  crd: ReadonlyCrd,
  convert: ConvertObjects | undefined,
): ResourceDefinition | undefined {
  const version = storageVersionOf(crd);
  return version === undefined ? undefined : definitionOf(crd, version, convert);
}

function definitionOf(
  crd: ReadonlyCrd,
  version: DeepReadonly<CrdVersion>,
  convert: ConvertObjects | undefined,
): ResourceDefinition {
  const { names } = crd.spec;
  const type = typeOf(crd, version.name);
  const schema = rootSchema(type, version);
  const rules = ruleSetOf(schema);
  const hasStatus = version.subresources?.status !== undefined;
  const definition: ResourceDefinition = {
    type,
    singular: singularOf(names),
    listKind: listKindOf(names),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    schema,
    strategicMerge: false,
    hasStatus,
    generation: 'all',
    unconditionalUpdate: false,
    default: (object) => applyDefaults(object, schema),
    validate: (object) => withRules(validateSchema(object, schema), rules, object),
    validateUpdate: (object, old) => withRules(validateSchema(object, schema, old), rules, object, old),
    ratchets: true,
    columns: customResourceColumns(version.additionalPrinterColumns),
  };
  if (hasStatus) definition.statusKeepsMetadata = 'all';
  const scale = version.subresources?.scale;
  if (scale !== undefined)
    definition.scale = {
      specReplicas: scale.specReplicasPath.replace(/^\./, ''),
      statusReplicas: scale.statusReplicasPath.replace(/^\./, ''),
      ...(scale.labelSelectorPath ? { selector: scale.labelSelectorPath.replace(/^\./, '') } : {}),
    };
  const warning = deprecationWarning(crd, version, type);
  if (warning !== undefined) definition.deprecation = warning;
  if (version.selectableFields !== undefined && version.selectableFields.length > 0)
    definition.selectableFields = selectableFields(version.selectableFields);
  const storage = storageOf(crd, version, schema, convert);
  if (storage !== undefined) definition.storage = storage;
  return definition;
}

function typeOf(crd: ReadonlyCrd, version: string): ResourceType {
  const { group, names, scope } = crd.spec;
  return { group, version, resource: names.plural, kind: names.kind, namespaced: scope === 'Namespaced' };
}

/** The version's schema with apiVersion, kind and the whole of metadata, under its OpenAPI name. */
function rootSchema(type: ResourceType, version: DeepReadonly<CrdVersion>): Schema {
  const root = (version.schema?.openAPIV3Schema ?? preserveAll) as Schema;
  const own = root.properties ?? {};
  return {
    ...root,
    definition: `${type.group.split('.').reverse().join('.')}.${type.version}.${type.kind}`,
    properties: {
      ...own,
      apiVersion: own['apiVersion'] ?? { type: 'string' },
      kind: own['kind'] ?? { type: 'string' },
      metadata: metadataSchema(own['metadata']),
    },
  };
}

const preserveAll: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** A CRD may restrict metadata.name and metadata.generateName, nothing else. */
function metadataSchema(restriction: Schema | undefined): Schema {
  const { name, generateName } = restriction?.properties ?? {};
  if (name === undefined && generateName === undefined) return objectMetaSchema;
  const { definition: _shared, ...schema } = objectMetaSchema;
  return {
    ...schema,
    properties: {
      ...schema.properties,
      ...(name === undefined ? {} : { name }),
      ...(generateName === undefined ? {} : { generateName }),
    },
  };
}

/**
 * Versions differ in nothing but apiVersion (conversion None), or a webhook converts. What is read from the store is pruned and defaulted again
 * where it may be older than the schema: when the CRD has ever changed, or when another version wrote it.
 */
function storageOf(
  crd: ReadonlyCrd,
  version: DeepReadonly<CrdVersion>,
  schema: Schema,
  convert: ConvertObjects | undefined,
): ResourceDefinition['storage'] | undefined {
  const stored = storageVersionOf(crd);
  if (stored === undefined) return undefined;
  if (crd.spec.versions.length === 1 && (crd.metadata.generation ?? 1) === 1) return undefined;
  const type = typeOf(crd, stored.name);
  const served = apiVersionOf(typeOf(crd, version.name));
  return {
    type,
    toStorage: (object) => ({ ...object, apiVersion: apiVersionOf(type) }),
    fromStorage: (object: Unstructured) => {
      object.apiVersion = served;
      prune(object, schema);
      applyDefaults(object, schema);
      return object;
    },
    ...(convert === undefined ? {} : { convert }),
  };
}

function deprecationWarning(
  crd: ReadonlyCrd,
  version: DeepReadonly<CrdVersion>,
  type: ResourceType,
): string | undefined {
  if (version.deprecated !== true) return undefined;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const newer = crd.spec.versions
    .filter((other) => other.served && other.deprecated !== true && compareVersions(other.name, version.name) < 0)
    .sort((a, b) => compareVersions(a.name, b.name))[0];
  const text = `${apiVersionOf(type)} ${type.kind} is deprecated`;
  return newer === undefined ? text : `${text}; use ${type.group}/${newer.name} ${type.kind}`;
}

function selectableFields(fields: readonly { readonly jsonPath: string }[]) {
  return Object.fromEntries(
    fields.map(({ jsonPath }) => {
      const find = compileJsonPath(jsonPath);
      const value = (object: DeepReadonly<Unstructured>): string => {
        const found = find(object)[0];
        return found === undefined || found === null ? '' : String(found);
      };
      return [jsonPath.replace(/^\./, ''), value];
    }),
  );
}
