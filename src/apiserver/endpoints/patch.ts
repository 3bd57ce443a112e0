/** PATCH: json, merge and strategic merge, on the object or one of its views; apply is in apply.ts. */
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { applyJsonPatch, parseJsonPatch } from '../../apimachinery/patch/json.ts';
import { applyMergePatch } from '../../apimachinery/patch/merge.ts';
import { applyStrategicMergePatch } from '../../apimachinery/patch/strategic.ts';
import { badRequest, fieldError, invalid, StatusError, unsupportedMediaType } from '../../apimachinery/status-error.ts';
import {
  type BodyTarget,
  conform,
  type FieldValidation,
  fieldValidationOf,
  jsonErrorText,
  strictText,
  targetOf,
} from '../decoding.ts';
import { encodeObject } from '../encoding.ts';
import { parseJson } from '../json-keys.ts';
import { mediaType } from '../negotiation.ts';
import type { ApiResponse } from '../request.ts';
import { applyObject, applyPatchType } from './apply.ts';
import { agreeOnName } from './body-metadata.ts';
import { type EndpointContext, encodingOf, writeOptionsOf } from './context.ts';
import { scaleOf, scaleReply, scaleTarget } from './scale.ts';
import { viewUpdate } from './update.ts';

const jsonPatch = 'application/json-patch+json';
const mergePatch = 'application/merge-patch+json';
const strategicMergePatch = 'application/strategic-merge-patch+json';

type ApplyPatch = (current: DeepReadonly<Unstructured>) => unknown;

export async function patchObject(context: EndpointContext): Promise<ApiResponse> {
  const { request, registry, definition, info } = context;
  if (mediaType(request) === applyPatchType) return applyObject(context);
  const options = writeOptionsOf(context, 'PatchOptions');
  const validation = fieldValidationOf(request.query, 'PatchOptions');
  const encoding = encodingOf(context);
  const { apply, duplicates } = await readPatch(context);
  if (request.query.has('force'))
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      fieldError.forbidden('force', 'may not be specified for non-apply patch'),
    ]);
  const isScale = info.subresource === 'scale';
  let warned = false;
  const result = await registry.update(
    { namespace: info.namespace, name: info.name },
    {
      ...options,
      compute(old) {
        const view = isScale ? scaleOf(definition, old) : old;
        const complaints = [...duplicates];
        const patched = finish(context, view, apply(view), isScale ? scaleTarget : targetOf(definition), complaints);
        report(complaints, validation, patched, warned ? () => {} : context.warn);
        warned = true;
        return viewUpdate(context, info.subresource, patched, old);
      },
    },
  );
  if (isScale) return scaleReply(context, scaleOf(definition, result.object));
  return encodeObject(encoding, 200, () => result.object, result.stored);
}

async function readPatch({
  request,
  definition,
}: EndpointContext): Promise<{ apply: ApplyPatch; duplicates: string[] }> {
  const accepted = [jsonPatch, mergePatch];
  if (definition.strategicMerge) accepted.push(strategicMergePatch);
  const type = mediaType(request);
  if (!accepted.includes(type)) throw unsupportedMediaType([...accepted, applyPatchType]);
  const text = (await request.readBody()).toString();
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${jsonErrorText(error, text)}`, error);
  }
  const body = parsed.value;
  request.audit?.requestObject(body);
  if (type === jsonPatch) {
    const operations = parseJsonPatch(body);
    return { apply: (current) => applyJsonPatch(current, operations), duplicates: [] };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest(`error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}`);
  const duplicates = parsed.duplicates.map((path) => `duplicate field "${path}"`);
  if (type === mergePatch) return { apply: (current) => applyMergePatch(current, body), duplicates };
  return { apply: (current) => applyStrategicMergePatch(current, body, definition.schema), duplicates };
}

/** Checks what came out of a patch like a decoded body, and that it is still the same object. */
function finish(
  context: EndpointContext,
  current: DeepReadonly<Unstructured>,
  patched: unknown,
  target: BodyTarget,
  complaints: string[],
): Unstructured {
  if (typeof patched !== 'object' || patched === null || Array.isArray(patched))
    throw undecodable(patched, 'the patched value is not an object');
  // Patches may share parts with the stored object.
  const object = cloneJson(patched) as Unstructured;
  if (object.kind !== current.kind || object.apiVersion !== current.apiVersion)
    throw badRequest(
      object.kind === current.kind
        ? `the API version in the data (${object.apiVersion}) does not match the expected API version (${current.apiVersion})`
        : `${object.kind} in version "${target.type.version}" cannot be handled as a ${current.kind}`,
    );
  try {
    complaints.unshift(...conform(object, target));
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 400) throw error;
    throw undecodable(patched, error.message.replace(/^.* cannot be handled as an? [^:]*: /, ''));
  }
  agreeOnName(context, object);
  if ((object.metadata.namespace ?? '') !== (current.metadata.namespace ?? '')) {
    if (object.metadata.namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    if (current.metadata.namespace !== undefined) object.metadata.namespace = current.metadata.namespace;
  }
  return object;
}

function report(
  complaints: readonly string[],
  validation: FieldValidation,
  object: Unstructured,
  warn: (message: string) => void,
): void {
  if (complaints.length === 0 || validation === 'Ignore') return;
  if (validation === 'Strict') throw undecodable(object, strictText(complaints));
  for (const complaint of complaints) warn(complaint);
}

/** Upstream's form: no kind, no name, and the whole patched object as the invalid value. */
function undecodable(patched: unknown, why: string): StatusError {
  return invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', JSON.stringify(patched), why)]);
}
