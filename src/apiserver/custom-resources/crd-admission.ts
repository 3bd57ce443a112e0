/** What happens to a CRD on its way in, and to objects of a CRD that is being deleted. */
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { unknownFormats } from '../../apimachinery/schema/structural-check.ts';
import { forbidden, invalid } from '../../apimachinery/status-error.ts';
import { customResourceDefinitions } from '../../kubernetes/resource-types.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import { type CustomResourceDefinition, cleanupFinalizer, type ReadonlyCrd } from './crd.ts';
import { defaultCrd, validateCrd, validateCrdUpdate, withStorageVersion } from './crd-validation.ts';

/** Defaults, validates and prepares CRDs: the finalizer that lets their objects be deleted first, and status.storedVersions. */
export const crdAdmission: AdmissionPlugin = {
  name: 'CustomResourceDefinition',
  handles: ({ type, operation }) =>
    type.group === customResourceDefinitions.group &&
    type.resource === customResourceDefinitions.resource &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  admit({ object, oldObject, subresource, warn }) {
    if (subresource !== '' || object === undefined) return;
    const crd = object as unknown as CustomResourceDefinition;
    defaultCrd(crd);
    if (crd.metadata.deletionTimestamp !== undefined) return;
    const finalizers = crd.metadata.finalizers ?? [];
    if (!finalizers.includes(cleanupFinalizer)) crd.metadata.finalizers = [...finalizers, cleanupFinalizer];
    if (!Array.isArray(crd.spec?.versions)) return;
    crd.status = { ...crd.status, storedVersions: withStorageVersion(crd) };
    const known = formatsOf(oldObject as ReadonlyCrd | undefined);
    for (const format of formatsOf(crd)) if (!known.has(format)) warn(`unrecognized format ${JSON.stringify(format)}`);
  },
  validate({ object, oldObject, type, name }) {
    const crd = object as unknown as CustomResourceDefinition;
    // A CRD on its way out must not be stuck because rules have become stricter.
    if (crd.metadata.deletionTimestamp !== undefined) return;
    const errors =
      oldObject === undefined
        ? validateCrd(crd)
        : validateCrdUpdate(crd, oldObject as unknown as CustomResourceDefinition);
    if (errors.length > 0) throw invalid(type, name || (crd.metadata.name ?? ''), errors);
  },
};

/** Formats in its schemas that nobody checks. */
const formatsOf = (crd: ReadonlyCrd | undefined): ReadonlySet<string> =>
  new Set(
    (crd?.spec.versions ?? []).flatMap(({ schema }) => unknownFormats((schema?.openAPIV3Schema ?? {}) as Schema)),
  );

/** Refuses new objects of a kind whose CRD is terminating; reads, updates and deletes go on. */
export function createTerminatingCrdCheck(catalog: ResourceCatalog): AdmissionPlugin {
  const terminating = ({ type }: AdmissionRequest): boolean => {
    const crd = catalog.reader(customResourceDefinitions).cached({ name: `${type.resource}.${type.group}` });
    return crd?.metadata.deletionTimestamp !== undefined;
  };
  return {
    name: 'CustomResourceTerminating',
    handles: ({ operation, type, subresource }) =>
      operation === 'CREATE' && subresource === '' && type.group.includes('.'),
    validate(request) {
      if (terminating(request))
        throw forbidden(
          request.type,
          request.name || (request.object?.metadata.name ?? ''),
          'create not allowed while custom resource definition is terminating',
        );
    },
  };
}
