/** Admission of subresources that are served by functions: webhooks see the options of a connection, or the object that is posted. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { schemaOf } from '../../kubernetes/field-schema.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts';
import { decodeBody } from '../decoding.ts';
import type { ApiRequest } from '../request.ts';
import type { ConnectHandler } from '../server.ts';
import { dryRunOf, type EndpointContext } from './context.ts';

/** The request to go on with: with the object as admission left it. Throws a StatusError to refuse. */
export async function admitConnect(
  { request, info, definition, user, warn }: EndpointContext,
  handler: ConnectHandler,
  plugins: readonly AdmissionPlugin[],
): Promise<ApiRequest> {
  const kind = {
    group: handler.kindGroupVersion?.group ?? handler.group,
    version: handler.kindGroupVersion?.version ?? handler.version,
    kind: handler.kind,
  };
  const connects = handler.kind.endsWith('Options');
  // Reading a log is a read.
  if (!connects && request.method === 'GET') return request;
  const admission: AdmissionRequest = {
    operation: connects ? 'CONNECT' : 'CREATE',
    type: definition.type,
    kind,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    user,
    dryRun: dryRunOf(request.query.getAll('dryRun'), 'CreateOptions'),
    object: undefined,
    oldObject: undefined,
    warn,
    annotate: request.audit && ((key, value) => request.audit?.annotate(key, value)),
  };
  const concerned = plugins.filter((plugin) => plugin.handles(admission));
  if (concerned.length === 0) return request;
  const target = { type: kind, typed: true, schema: schemaOf(kind) };
  const object = connects ? optionsOf(kind, request.query) : (await decodeBody(request, target)).object;
  admission.object = object;
  for (const plugin of concerned) await plugin.admit?.(admission);
  for (const plugin of concerned) await plugin.validate?.(admission);
  if (connects) return request;
  const body = Buffer.from(JSON.stringify(object));
  return {
    ...request,
    headers: { ...request.headers, 'content-type': 'application/json' },
    readBody: async () => body,
  };
}

const flags = new Set(['stdin', 'stdout', 'stderr', 'tty']);

/** PodExecOptions and the like, from the query. */
function optionsOf({ kind }: { kind: string }, query: URLSearchParams): Unstructured {
  const options: Record<string, unknown> = {};
  for (const key of new Set(query.keys())) {
    const value = query.get(key) ?? '';
    if (key === 'command') options[key] = query.getAll(key);
    else if (key === 'ports') options[key] = query.getAll(key).map(Number);
    else if (flags.has(key)) options[key] = value !== 'false' && value !== '0';
    else if (key === 'container' || key === 'path') options[key] = value;
  }
  return { kind, apiVersion: 'v1', ...options } as unknown as Unstructured;
}
