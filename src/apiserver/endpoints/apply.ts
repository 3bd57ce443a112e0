/** PATCH with application/apply-patch+yaml: server-side apply of an object, of its status, or of its scale. */
import { applyPatch } from '../../apimachinery/apply/apply-patch.ts';
import { checkPatch } from '../../apimachinery/apply/patch-errors.ts';
import { fieldsOfScale, fieldsOfScaled } from '../../apimachinery/apply/scale-fields.ts';
import type { Elsewhere, Writer } from '../../apimachinery/apply/track-update.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { badRequest, fieldError, invalid, modifiedConflict } from '../../apimachinery/status-error.ts';
import {
  type BodyTarget,
  conform,
  type FieldValidation,
  fieldValidationOf,
  parseApplyText,
  targetOf,
} from '../decoding.ts';
import { encodeObject } from '../encoding.ts';
import { setEntries, writerOf } from '../registry/tracking.ts';
import type { ApiResponse } from '../request.ts';
import { agreeOnName, agreeOnNamespace } from './body-metadata.ts';
import { type EndpointContext, encodingOf, forceOf, writeOptionsOf } from './context.ts';
import { replicasPath, scaleOf, scaleReply, scaleTarget } from './scale.ts';
import { refuseMissingWithoutCreate, refuseUidOfMissing, viewUpdate } from './update.ts';

export const applyPatchType = 'application/apply-patch+yaml';

export async function applyObject(context: EndpointContext): Promise<ApiResponse> {
  const { request, registry, definition, info, clock } = context;
  const manager = request.query.get('fieldManager') ?? '';
  const options = writeOptionsOf(context, 'PatchOptions');
  if (manager === '')
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      fieldError.required('fieldManager', 'is required for apply patch'),
    ]);
  const force = forceOf(request.query);
  const validation = fieldValidationOf(request.query, 'PatchOptions');
  const encoding = encodingOf(context);
  const { subresource } = info;
  const isScale = subresource === 'scale';
  const target = isScale ? scaleTarget : targetOf(definition);
  const patch = await readPatch(context, target, validation);
  const ref = { namespace: info.namespace, name: info.name };
  const createMissing = subresource === '';
  if (createMissing) await refuseMissingWithoutCreate(context);
  const writer = (): Writer => writerOf(definition, manager, subresource, clock.now(), registry.serves);
  const result = await registry.update(ref, {
    ...options,
    applied: true,
    createMissing,
    missing() {
      refuseUidOfMissing(context, patch);
      return typed(applyPatch(undefined, patch, { ...writer(), force }), target);
    },
    async compute(old) {
      if (isScale) return applyScale(context, old, patch, { ...writer(), force });
      const elsewhere = await appliedElsewhere(context, old, patch, writer(), target);
      const applied = typed(applyPatch(old, patch, { ...writer(), force, elsewhere }), target);
      const { managedFields } = applied.metadata;
      const version = patch.metadata.resourceVersion;
      const whole = viewUpdate(context, subresource, applied, old);
      setEntries(whole, managedFields);
      whole.metadata.resourceVersion = version || (old.metadata.resourceVersion as string);
      return whole;
    },
  });
  if (isScale) return scaleReply(context, scaleOf(definition, result.object));
  return encodeObject(encoding, result.created ? 201 : 200, () => result.object, result.stored);
}

/** Conflicts with owners in other versions are seen in theirs: the patch is applied once ahead, to convert what comes out. */
async function appliedElsewhere(
  { definition, registry, info }: EndpointContext,
  old: DeepReadonly<Unstructured>,
  patch: Unstructured,
  writer: Writer,
  target: BodyTarget,
): Promise<Elsewhere> {
  if (definition.storage?.convert === undefined) return new Map();
  const ahead = typed(applyPatch(old, patch, { ...writer, force: true }), target);
  return registry.changesElsewhere(old, ahead, info.subresource);
}

/** Reads and checks the patch. Throws 400, and a plain 500 for what does not fit the kind. */
async function readPatch(
  context: EndpointContext,
  target: BodyTarget,
  validation: FieldValidation,
): Promise<Unstructured> {
  const { type } = target;
  const value = parseApplyText((await context.request.readBody()).toString(), validation, context.warn);
  context.request.audit?.requestObject(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}');
  const patch = value as Unstructured;
  const { apiVersion, kind } = patch as { apiVersion?: unknown; kind?: unknown };
  if (apiVersion !== apiVersionOf(type) || kind !== type.kind)
    throw badRequest(`invalid object type: ${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}`);
  const metadata: unknown = patch.metadata ?? {};
  if (typeof metadata !== 'object' || Array.isArray(metadata))
    throw badRequest('error decoding YAML: metadata must be a map');
  patch.metadata = metadata as Unstructured['metadata'];
  if (patch.metadata.managedFields === null) delete patch.metadata.managedFields;
  if (patch.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  agreeOnName(context, patch);
  agreeOnNamespace(context, patch);
  checkPatch(patch, type, target.schema);
  return patch;
}

/** The object in the form in which it is decoded: parts that it shares with others are copied. */
function typed(object: Unstructured, target: BodyTarget): Unstructured {
  const copy = cloneJson<Unstructured>(object);
  conform(copy, target);
  return copy;
}

/** Applies a Scale: its owners are those of the object's replicas, and the other way round. */
function applyScale(
  context: EndpointContext,
  old: DeepReadonly<Unstructured>,
  patch: Unstructured,
  applier: Writer & { force: boolean },
): Unstructured {
  const { definition, info, registry } = context;
  const replicas = replicasPath(definition);
  const live = scaleOf(definition, old);
  setEntries(live, fieldsOfScale(old.metadata.managedFields, replicas));
  const scaled = applyPatch(live, patch, {
    ...applier,
    apiVersion: 'autoscaling/v1',
    schema: scaleTarget.schema,
    notOwned: { ...applier.notOwned, 'f:metadata': {}, 'f:status': {} },
    serves: () => true,
  });
  const version = patch.metadata.resourceVersion;
  if (version && version !== old.metadata.resourceVersion) throw modifiedConflict(definition.type, info.name);
  const whole = viewUpdate(context, 'scale', scaled, old);
  const { serves } = registry;
  const entries = (old.metadata.managedFields ?? []).filter(({ apiVersion }) => serves(apiVersion ?? ''));
  setEntries(whole, fieldsOfScaled(entries, scaled.metadata.managedFields, apiVersionOf(definition.type), replicas));
  return whole;
}
