/** An AdmissionReview of somebody else's API server, answered by Karmada's rules. */
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../apimachinery/object.ts';
import { jsonDiff } from '../apimachinery/patch/json-diff.ts';
import { isMap } from '../apimachinery/patch/json-map.ts';
import { findTypeError } from '../apimachinery/schema/type-check.ts';
import { badRequest, StatusError } from '../apimachinery/status-error.ts';
import { deletionProtection } from './deletion-protection.ts';
import { aggregateFindings } from './denial.ts';
import type { KindRules, WriteOperation } from './kind-rules.ts';

/** The part of `AdmissionReview.request` that rules read. */
export interface ReviewRequest {
  uid: string;
  operation: WriteOperation | 'DELETE' | 'CONNECT';
  namespace: string;
  object: DeepReadonly<Unstructured> | undefined;
  oldObject: DeepReadonly<Unstructured> | undefined;
}

export interface ReviewResponse {
  uid: string;
  allowed: boolean;
  status?: { code: number; reason?: string; message: string };
  patchType?: 'JSONPatch';
  /** A JSON patch in base64. */
  patch?: string;
}

/** Throws BadRequest when the body is no AdmissionReview v1 with a request. */
export function parseReview(body: string): ReviewRequest {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`);
  }
  const { apiVersion, kind, request } = isMap(review) ? review : {};
  if (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1')
    throw badRequest(`admission.k8s.io/v1, Kind=AdmissionReview is expected, got ${apiVersion}, Kind=${kind}`);
  if (!isMap(request) || typeof request['uid'] !== 'string') throw badRequest('the AdmissionReview has no request.uid');
  const objectAt = (field: string): Unstructured | undefined => {
    const object = request[field];
    if (object === undefined || object === null) return undefined;
    if (!isMap(object) || !isMap(object['metadata'])) throw badRequest(`request.${field} has no metadata`);
    return object as unknown as Unstructured;
  };
  return {
    uid: request['uid'],
    operation: request['operation'] as ReviewRequest['operation'],
    namespace: typeof request['namespace'] === 'string' ? request['namespace'] : '',
    object: objectAt('object'),
    oldObject: objectAt('oldObject'),
  };
}

/** Defaults, as a patch. */
export function answerMutating(request: ReviewRequest, kind: KindRules): ReviewResponse {
  const { operation, object, namespace } = request;
  if ((operation !== 'CREATE' && operation !== 'UPDATE') || object === undefined) return allowed(request);
  if (kind.mutate === undefined || kind.mutateOn?.includes(operation) === false) return allowed(request);
  const why = findTypeError(object, kind.schema);
  if (why !== undefined) return refused(request, 400, 'BadRequest', why);
  const changed = cloneJson<Unstructured>(object);
  try {
    kind.mutate(changed, { operation, namespace });
  } catch (error) {
    if (error instanceof StatusError) return refused(request, error.code, error.reason, error.message);
    throw error;
  }
  if (deepEqual(object, changed)) return allowed(request);
  const patch = Buffer.from(JSON.stringify(jsonDiff(object, changed))).toString('base64');
  return { ...allowed(request), patchType: 'JSONPatch', patch };
}

/** What a kind's rules find wrong. */
export async function answerValidating(request: ReviewRequest, kind: KindRules): Promise<ReviewResponse> {
  if (request.object === undefined || kind.validate === undefined) return allowed(request);
  const why = findTypeError(request.object, kind.schema);
  if (why !== undefined) return refused(request, 400, 'BadRequest', why);
  const findings = await kind.validate(request.object, request.oldObject);
  return findings.length === 0 ? allowed(request) : refused(request, 403, 'Forbidden', aggregateFindings(findings));
}

/** Whether an object of any kind may be deleted. */
export function answerDeletion(request: ReviewRequest): ReviewResponse {
  const why =
    request.operation === 'DELETE' && request.oldObject !== undefined
      ? deletionProtection(request.oldObject)
      : undefined;
  return why === undefined ? allowed(request) : refused(request, 403, 'Forbidden', why);
}

const allowed = ({ uid }: ReviewRequest): ReviewResponse => ({ uid, allowed: true });

const refused = (
  { uid }: ReviewRequest,
  code: number,
  reason: string | undefined,
  message: string,
): ReviewResponse => ({
  uid,
  allowed: false,
  status: { code, ...(reason === undefined ? {} : { reason }), message },
});
