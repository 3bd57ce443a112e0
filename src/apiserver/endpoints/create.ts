/** POST to a collection. */
import { decodeBody, fieldValidationOf, reportComplaints, targetOf } from '../decoding.ts';
import { encodeObject } from '../encoding.ts';
import type { ApiResponse } from '../request.ts';
import { agreeOnNamespace } from './body-metadata.ts';
import { type EndpointContext, encodingOf, writeOptionsOf } from './context.ts';

export async function createObject(context: EndpointContext): Promise<ApiResponse> {
  const { request, registry, definition } = context;
  const options = writeOptionsOf(context, 'CreateOptions');
  const validation = fieldValidationOf(request.query, 'CreateOptions');
  const encoding = encodingOf(context);
  const { object, complaints } = await decodeBody(request, targetOf(definition));
  reportComplaints(complaints, validation, definition.type, context.warn);
  agreeOnNamespace(context, object);
  const result = await registry.create(object, options);
  return encodeObject(encoding, 201, () => result.object, result.stored);
}
