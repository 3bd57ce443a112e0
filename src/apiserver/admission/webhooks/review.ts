/** The AdmissionReview that a webhook gets, and what its answer means. */
import { randomUUID } from 'node:crypto';
import type { ResourceType } from '../../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../../apimachinery/object.ts';
import { type StatusDetails, StatusError } from '../../../apimachinery/status-error.ts';
import { namespaces } from '../../../kubernetes/resource-types.ts';
import { scaleTarget } from '../../endpoints/scale.ts';
import type { AdmissionRequest } from '../plugin.ts';

export interface ReviewRequest {
  uid: string;
  object: unknown;
  oldObject: unknown;
  [field: string]: unknown;
}

const optionKinds = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
};

/** `type` is the version that the webhook sees; `objects` are in it. */
export function reviewRequest(
  request: AdmissionRequest,
  type: ResourceType,
  objects: { object: DeepReadonly<Unstructured> | undefined; oldObject: DeepReadonly<Unstructured> | undefined },
): ReviewRequest {
  const { operation, subresource, user, dryRun, name } = request;
  const kindOf = (seen: ResourceType) => {
    const { group, version, kind } = request.kind ?? (subresource === 'scale' ? scaleTarget.type : seen);
    return { group, version, kind };
  };
  const resourceOf = ({ group, version, resource }: ResourceType) => ({ group, version, resource });
  const isNamespace = type.group === '' && type.resource === namespaces.resource;
  const namespace = isNamespace ? name : request.namespace;
  return {
    uid: randomUUID(),
    kind: kindOf(type),
    resource: resourceOf(type),
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: kindOf(request.type),
    requestResource: resourceOf(request.type),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    object: objects.object === undefined ? null : cloneJson(objects.object),
    oldObject: objects.oldObject === undefined ? null : cloneJson(objects.oldObject),
    dryRun,
    // What a connection is asked for is the object itself.
    options:
      operation === 'CONNECT'
        ? null
        : { kind: optionKinds[operation], apiVersion: 'meta.k8s.io/v1', ...(dryRun ? { dryRun: ['All'] } : {}) },
  };
}

export const reviewOf = (request: ReviewRequest) => ({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  request,
});

interface Verdict {
  allowed: boolean;
  status?: { code?: number; message?: string; reason?: string; details?: StatusDetails };
  /** JSON text of a JSON patch. */
  patch?: string;
  warnings: readonly string[];
  /** Facts for the audit log. */
  auditAnnotations: readonly (readonly [key: string, value: string])[];
}

/** Throws an Error when the answer is not one. */
export function verdictOf(answer: unknown, uid: string, mutating: boolean): Verdict {
  const review = answer as { kind?: unknown; apiVersion?: unknown; response?: Record<string, unknown> } | null;
  const { kind, apiVersion, response } = review ?? {};
  if (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1')
    throw new Error(
      `received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${String(apiVersion)}, Kind=${String(kind)}`,
    );
  if (typeof response !== 'object' || response === null)
    throw new Error('received invalid webhook response: webhook response was absent');
  if (response['uid'] !== uid)
    throw new Error(
      `received invalid webhook response: expected response.uid="${uid}", got ${JSON.stringify(response['uid'] ?? '')}`,
    );
  const { patch, patchType, status, warnings, auditAnnotations } = response;
  if (!mutating && (patch || patchType))
    throw new Error('received invalid webhook response: response.patch and response.patchType must be unset');
  if (patch && patchType !== 'JSONPatch')
    throw new Error(
      `received invalid webhook response: response.patchType must be "JSONPatch" when response.patch is present, got ${JSON.stringify(patchType ?? '')}`,
    );
  if (patchType && !patch)
    throw new Error(
      'received invalid webhook response: response.patchType must be unset when response.patch is absent',
    );
  return {
    allowed: response['allowed'] === true,
    ...(typeof status === 'object' && status !== null ? { status } : {}),
    ...(patch ? { patch: Buffer.from(String(patch), 'base64').toString() } : {}),
    warnings: Array.isArray(warnings) ? warnings.filter((text) => typeof text === 'string') : [],
    auditAnnotations: Object.entries(auditAnnotations ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  };
}

/** The refusal of a webhook, with the code and reason that it gives. */
export function denial(webhook: string, status: Verdict['status']): StatusError {
  const { code, message, reason, details } = status ?? {};
  const why = message || reason;
  const text = `admission webhook "${webhook}" denied the request`;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: why ? `${text}: ${why}` : `${text} without explanation`,
    ...(reason ? { reason } : {}),
    ...(details === undefined ? {} : { details }),
    code: typeof code === 'number' && code >= 400 ? code : 400,
  });
}
