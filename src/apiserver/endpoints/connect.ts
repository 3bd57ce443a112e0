/** Subresources that are served by a function: pods/log, clusters/proxy, serviceaccounts/token. */
import { methodNotAllowed } from '../../apimachinery/status-error.ts';
import type { AdmissionPlugin } from '../admission/plugin.ts';
import type { ApiResponse } from '../request.ts';
import type { ConnectHandler } from '../server.ts';
import { admitConnect } from './connect-admission.ts';
import type { EndpointContext } from './context.ts';

/** Reads the object that the subresource belongs to and hands over. Throws 404 and 405. */
export async function connect(
  context: EndpointContext,
  handler: ConnectHandler,
  admission: readonly AdmissionPlugin[],
): Promise<ApiResponse> {
  const { user, info, registry, definition } = context;
  if (!handler.methods.includes(context.request.method)) throw methodNotAllowed();
  const objectRef = { namespace: info.namespace, name: handler.objectName?.(info.name) ?? info.name };
  const object = handler.standIn?.(info.name) ?? (await registry.get(objectRef)).objectFor(definition);
  const request = await admitConnect(context, handler, admission);
  const { namespace, name, rest } = info;
  const connecting = { request, user, namespace, name, rest, object };
  return request.upgrade !== undefined && handler.upgrade !== undefined
    ? handler.upgrade(connecting)
    : handler.handle(connecting);
}
