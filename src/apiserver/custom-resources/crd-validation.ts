/** Defaults and validation of CustomResourceDefinition objects. */
import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { compileJsonPath } from '../../apimachinery/json-path.ts';
import { dns1035LabelErrors, dns1123SubdomainErrors } from '../../apimachinery/names.ts';
import { cloneJson, type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { ruleErrors } from '../../apimachinery/schema/cel/rule-check.ts';
import { completenessErrors } from '../../apimachinery/schema/completeness.ts';
import { defaultErrors } from '../../apimachinery/schema/default-check.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { structuralErrors } from '../../apimachinery/schema/structural-check.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkClientConfig } from '../../kubernetes/admissionregistration/webhook-configuration.ts';
import { approvalErrors } from './approval.ts';
import {
  type CrdNames,
  type CrdVersion,
  type CustomResourceDefinition,
  listKindOf,
  type ReadonlyCrd,
  singularOf,
  storageVersionOf,
} from './crd.ts';
import { selectableFieldErrors } from './selectable-fields.ts';

/** Fills absent names and the conversion, in place. Leaves what has a wrong shape to validation. */
export function defaultCrd(crd: CustomResourceDefinition): void {
  const spec = crd.spec as CustomResourceDefinition['spec'] | undefined;
  if (spec === undefined) return;
  if (spec.names?.kind) {
    spec.names.singular = singularOf(spec.names);
    spec.names.listKind = listKindOf(spec.names);
  }
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

export function validateCrd(crd: ReadonlyCrd): FieldError[] {
  const spec = crd.spec as ReadonlyCrd['spec'] | undefined;
  if (spec === undefined) return [fieldError.required('spec')];
  const errors: FieldError[] = [];
  const name = crd.metadata.name ?? '';
  const wanted = `${spec.names?.plural ?? ''}.${spec.group ?? ''}`;
  if (name !== wanted)
    errors.push(fieldError.invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  errors.push(...groupErrors(crd), ...scopeErrors(spec.scope), ...namesErrors(spec.names), ...versionsErrors(crd));
  if (spec.preserveUnknownFields === true)
    errors.push(fieldError.invalid('spec.preserveUnknownFields', true, 'must be false'));
  errors.push(...conversionErrors(spec.conversion));
  return errors;
}

const reviewVersions = ['v1'];

function conversionErrors(conversion: ReadonlyCrd['spec']['conversion']): FieldError[] {
  const at = 'spec.conversion';
  const { strategy = 'None', webhook } = conversion ?? {};
  if (strategy === 'None')
    return webhook === undefined
      ? []
      : [fieldError.forbidden(`${at}.webhook`, 'should not be set when strategy is not set to Webhook')];
  if (strategy !== 'Webhook') return [fieldError.notSupported(`${at}.strategy`, strategy, ['None', 'Webhook'])];
  if (webhook?.clientConfig === undefined)
    return [fieldError.required(`${at}.webhook.clientConfig`, 'required when strategy is set to Webhook')];
  const errors = checkClientConfig(webhook.clientConfig, `${at}.webhook.clientConfig`);
  const versions = webhook.conversionReviewVersions ?? [];
  const versionsAt = `${at}.webhook.conversionReviewVersions`;
  if (versions.length === 0) return [...errors, fieldError.required(versionsAt)];
  for (const [index, version] of versions.entries()) {
    const path = `${versionsAt}[${index}]`;
    for (const text of dns1035LabelErrors(version)) errors.push(fieldError.invalid(path, version, text));
    if (versions.indexOf(version) < index) errors.push(fieldError.invalid(path, version, 'duplicate version'));
  }
  if (!versions.some((version) => reviewVersions.includes(version)))
    errors.push(fieldError.invalid(versionsAt, versions, `must include at least one of ${reviewVersions.join(', ')}`));
  return errors;
}

export function validateCrdUpdate(crd: ReadonlyCrd, old: ReadonlyCrd): FieldError[] {
  const errors = newErrors(validateCrd(crd), old);
  const immutable = (field: string, value: unknown, before: unknown) => {
    if (!deepEqual(value, before)) errors.push(fieldError.invalid(field, value, 'field is immutable'));
  };
  immutable('spec.group', crd.spec.group, old.spec.group);
  immutable('spec.names.plural', crd.spec.names.plural, old.spec.names.plural);
  if (isConditionTrue(old.status?.conditions, 'Established')) {
    immutable('spec.scope', crd.spec.scope, old.spec.scope);
    immutable('spec.names.kind', crd.spec.names.kind, old.spec.names.kind);
    immutable('spec.names.listKind', listKindOf(crd.spec.names), listKindOf(old.spec.names));
  }
  const storedVersions = crd.status?.storedVersions ?? [];
  if (storedVersions.length === 0 && crd.status !== undefined)
    errors.push(fieldError.invalid('status.storedVersions', storedVersions, 'must have at least one stored version'));
  const current = storageVersionOf(crd)?.name;
  if (storedVersions.length > 0 && current !== undefined && !storedVersions.includes(current))
    errors.push(fieldError.invalid('status.storedVersions', current, `must have the storage version ${current}`));
  for (const [index, version] of storedVersions.entries())
    if (!crd.spec.versions.some(({ name }) => name === version))
      errors.push(
        fieldError.invalid(
          `status.storedVersions[${index}]`,
          version,
          `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`,
        ),
      );
  return errors;
}

/** What was wrong before, by rules that have come later, stays as it is. */
function newErrors(errors: FieldError[], old: ReadonlyCrd): FieldError[] {
  if (errors.length === 0) return errors;
  const before = new Set(validateCrd(old).map(({ field, message }) => `${field}: ${message}`));
  return errors.filter(({ field, message }) => !before.has(`${field}: ${message}`));
}

/** status.storedVersions with the present storage version, which joins it with the write that makes it so. */
export function withStorageVersion(crd: ReadonlyCrd): string[] {
  const stored = [...(crd.status?.storedVersions ?? [])];
  const current = storageVersionOf(crd)?.name;
  if (current !== undefined && !stored.includes(current)) stored.push(current);
  return stored;
}

function groupErrors(crd: ReadonlyCrd): FieldError[] {
  const { group } = crd.spec;
  if (!group) return [fieldError.required('spec.group')];
  const errors = dns1123SubdomainErrors(group).map((text) => fieldError.invalid('spec.group', group, text));
  if (!group.includes('.'))
    errors.push(fieldError.invalid('spec.group', group, 'should be a domain with at least one dot'));
  return [...errors, ...approvalErrors(crd)];
}

function scopeErrors(scope: string | undefined): FieldError[] {
  if (!scope) return [fieldError.required('spec.scope')];
  return scope === 'Cluster' || scope === 'Namespaced'
    ? []
    : [fieldError.notSupported('spec.scope', scope, ['Cluster', 'Namespaced'])];
}

function namesErrors(names: DeepReadonly<CrdNames> | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const label = (field: string, value: string | undefined, mixedCase = false) => {
    if (!value) return errors.push(fieldError.required(field));
    for (const text of dns1035LabelErrors(mixedCase ? value.toLowerCase() : value))
      errors.push(
        fieldError.invalid(field, value, mixedCase ? `may have mixed case, but should otherwise match: ${text}` : text),
      );
    return undefined;
  };
  label('spec.names.plural', names?.plural);
  label('spec.names.singular', names?.singular);
  label('spec.names.kind', names?.kind, true);
  label('spec.names.listKind', names?.listKind, true);
  for (const [index, name] of (names?.shortNames ?? []).entries()) label(`spec.names.shortNames[${index}]`, name);
  for (const [index, name] of (names?.categories ?? []).entries()) label(`spec.names.categories[${index}]`, name);
  if (names?.kind && names.kind === names.listKind)
    errors.push(fieldError.invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'));
  return errors;
}

function versionsErrors(crd: ReadonlyCrd): FieldError[] {
  const versions = crd.spec.versions ?? [];
  const names = versions.map(({ name }) => name);
  const errors: FieldError[] = [];
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(fieldError.invalid('spec.versions', names, 'must have exactly one version marked as storage version'));
  if (new Set(names).size !== names.length)
    errors.push(fieldError.invalid('spec.versions', names, 'must contain unique version names'));
  for (const [index, version] of versions.entries()) errors.push(...versionErrors(version, `spec.versions[${index}]`));
  return errors;
}

/** Rules are compiled only when the schema that types them is sound. */
function schemaErrors(schema: Schema, path: string): FieldError[] {
  const errors = structuralErrors(cloneJson<Schema>(schema), path);
  if (errors.length > 0) return errors;
  const incomplete = completenessErrors(schema, path);
  return incomplete.length > 0 ? incomplete : [...defaultErrors(schema, path), ...ruleErrors(schema, path)];
}

const columnTypes = ['integer', 'number', 'string', 'boolean', 'date'];

function versionErrors(version: DeepReadonly<CrdVersion>, path: string): FieldError[] {
  const errors = dns1035LabelErrors(version.name ?? '').map((text) =>
    fieldError.invalid(`${path}.name`, version.name, text),
  );
  const schema = version.schema?.openAPIV3Schema;
  const schemaPath = `${path}.schema.openAPIV3Schema`;
  if (schema === undefined) errors.push(fieldError.required(schemaPath, 'schemas are required'));
  else errors.push(...schemaErrors(schema as Schema, schemaPath));
  for (const [index, column] of (version.additionalPrinterColumns ?? []).entries()) {
    const at = `${path}.additionalPrinterColumns[${index}]`;
    if (!column.name) errors.push(fieldError.required(`${at}.name`));
    if (!column.type) errors.push(fieldError.required(`${at}.type`, `must be one of ${columnTypes.join(',')}`));
    else if (!columnTypes.includes(column.type))
      errors.push(fieldError.invalid(`${at}.type`, column.type, `must be one of ${columnTypes.join(',')}`));
    errors.push(...pathErrors(column.jsonPath, `${at}.jsonPath`));
  }
  const scale = version.subresources?.scale;
  if (scale !== undefined) {
    const at = `${path}.subresources.scale`;
    errors.push(...scalePathErrors(scale.specReplicasPath, `${at}.specReplicasPath`, '.spec.'));
    errors.push(...scalePathErrors(scale.statusReplicasPath, `${at}.statusReplicasPath`, '.status.'));
    if (scale.labelSelectorPath) errors.push(...pathErrors(scale.labelSelectorPath, `${at}.labelSelectorPath`));
  }
  errors.push(
    ...selectableFieldErrors(version.selectableFields ?? [], schema as Schema | undefined, `${path}.selectableFields`),
    ...deprecationErrors(version, `${path}.deprecationWarning`),
  );
  return errors;
}

const longestWarning = 256;

function deprecationErrors({ deprecated, deprecationWarning: text }: DeepReadonly<CrdVersion>, at: string) {
  if (text === undefined) return [];
  if (deprecated !== true) return [fieldError.invalid(at, text, 'can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (text === '') errors.push(fieldError.invalid(at, text, 'must not be empty'));
  if ([...text].length > longestWarning)
    errors.push(fieldError.invalid(at, text, `must be <= ${longestWarning} characters long`));
  const hidden = /\p{C}/u.exec(text);
  if (hidden !== null)
    errors.push(
      fieldError.invalid(
        at,
        text,
        `must only contain printable UTF-8 characters; non-printable character found at index ${hidden.index}`,
      ),
    );
  return errors;
}

function pathErrors(jsonPath: string | undefined, path: string): FieldError[] {
  if (!jsonPath) return [fieldError.required(path)];
  if (!jsonPath.startsWith('.') && !jsonPath.startsWith('['))
    return [fieldError.invalid(path, jsonPath, 'must be a simple json path starting with .')];
  try {
    compileJsonPath(jsonPath);
    return [];
  } catch (error) {
    return [fieldError.invalid(path, jsonPath, `is an invalid jsonpath: ${(error as Error).message}`)];
  }
}

function scalePathErrors(jsonPath: string | undefined, path: string, prefix: string): FieldError[] {
  const errors = pathErrors(jsonPath, path);
  if (errors.length === 0 && !(jsonPath ?? '').startsWith(prefix))
    errors.push(fieldError.invalid(path, jsonPath, `should be a json path under ${prefix.slice(0, -1)}`));
  return errors;
}
