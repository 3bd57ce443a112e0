/** POST of a kind that is computed and never stored: reviews. */
import { badRequest } from '../../apimachinery/status-error.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import { decodeBody, fieldValidationOf, reportComplaints } from '../decoding.ts';
import { encodeValue } from '../encoding.ts';
import { negotiateOutput } from '../negotiation.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { RequestInfo } from '../request-info.ts';
import { dryRunOf } from './context.ts';
import type { VirtualResource } from './special-routes.ts';

export async function createVirtual(
  resource: VirtualResource,
  request: ApiRequest,
  info: RequestInfo,
  user: UserInfo,
  warn: (message: string) => void,
): Promise<ApiResponse> {
  const format = negotiateOutput(request);
  const validation = fieldValidationOf(request.query, 'CreateOptions');
  const dryRun = dryRunOf(request.query.getAll('dryRun'), 'CreateOptions');
  const { object, complaints } = await decodeBody(request, {
    type: resource.type,
    schema: resource.schema,
    typed: true,
  });
  reportComplaints(complaints, validation, resource.type, warn);
  if (resource.type.namespaced) {
    const given = object.metadata.namespace ?? '';
    if (given !== '' && given !== info.namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    object.metadata.namespace = info.namespace;
  }
  return encodeValue(format, 201, await resource.create(object, { user, namespace: info.namespace, dryRun }));
}
