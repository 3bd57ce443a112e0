/** PUT of one object, or of its status, scale or (Namespaces) finalizers. */
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { conflict, forbidden } from '../../apimachinery/status-error.ts';
import { deniedText } from '../authorization/denied-text.ts';
import { decodeBody, fieldValidationOf, reportComplaints, targetOf } from '../decoding.ts';
import { encodeObject } from '../encoding.ts';
import { keepMetadata, statusUpdate } from '../registry/strategy.ts';
import type { ApiResponse } from '../request.ts';
import { agreeOnName, agreeOnNamespace } from './body-metadata.ts';
import { type EndpointContext, encodingOf, writeOptionsOf } from './context.ts';
import { scaleOf, scaleReply, scaleTarget, withScale } from './scale.ts';

export async function updateObject(context: EndpointContext): Promise<ApiResponse> {
  const { request, registry, definition, info } = context;
  const options = writeOptionsOf(context, 'UpdateOptions');
  const validation = fieldValidationOf(request.query, 'UpdateOptions');
  const encoding = encodingOf(context);
  const isScale = info.subresource === 'scale';
  const target = isScale ? scaleTarget : targetOf(definition);
  const { object, complaints } = await decodeBody(request, target);
  reportComplaints(complaints, validation, target.type, context.warn);
  agreeOnName(context, object);
  agreeOnNamespace(context, object);
  const createMissing = definition.createOnUpdate === true && info.subresource === '';
  const missing = (): Unstructured => {
    refuseUidOfMissing(context, object);
    return cloneJson(object);
  };
  if (createMissing) await refuseMissingWithoutCreate(context);
  const ref = { namespace: info.namespace, name: info.name };
  const compute = (old: DeepReadonly<Unstructured>): Unstructured =>
    viewUpdate(context, info.subresource, cloneJson(object), old);
  const result = await registry.update(ref, { ...options, createMissing, missing, compute });
  if (isScale) return scaleReply(context, scaleOf(definition, result.object));
  return encodeObject(encoding, result.created ? 201 : 200, () => result.object, result.stored);
}

/** The whole new object, from what was sent to one of its views. */
export function viewUpdate(
  { definition, user, clock }: Pick<EndpointContext, 'definition' | 'user' | 'clock'>,
  subresource: string,
  sent: Unstructured,
  old: DeepReadonly<Unstructured>,
): Unstructured {
  switch (subresource) {
    case 'status':
      return statusUpdate(definition, sent, old);
    case 'scale':
      return withScale(definition, old, sent);
    case 'finalize': {
      const result = cloneJson(old) as Unstructured;
      const finalizers = (sent['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? [];
      result['spec'] = { ...(old['spec'] as object | undefined), finalizers };
      if (sent.metadata.resourceVersion) result.metadata.resourceVersion = sent.metadata.resourceVersion;
      else delete result.metadata.resourceVersion;
      return result;
    }
    default: {
      const view = definition.views?.[subresource];
      if (view === undefined) return sent;
      return keepMetadata(definition, view.merge(sent, old, { user, now: clock.now() }), sent, old);
    }
  }
}

/** PUT or apply that creates is a create as well: it needs both verbs. Checked only when there is nothing yet. */
export async function refuseMissingWithoutCreate(context: EndpointContext): Promise<void> {
  const { registry, info, user, authorizer, definition } = context;
  const ref = { namespace: info.namespace, name: info.name };
  if ((await registry.objects.get(ref)) !== undefined) return;
  const attributes = {
    user,
    verb: 'create',
    group: info.group,
    version: info.version,
    resource: info.resource,
    subresource: '',
    namespace: info.namespace,
    name: info.name,
  };
  const decision = await authorizer.authorize(attributes);
  if (!decision.allowed) throw forbidden(definition.type, info.name, deniedText(attributes, decision.reason));
}

export function refuseUidOfMissing({ definition, info }: EndpointContext, object: DeepReadonly<Unstructured>): void {
  const { uid } = object.metadata;
  if (uid)
    throw conflict(
      definition.type,
      info.name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
}
