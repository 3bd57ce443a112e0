/** DeleteOptions: from the body, or from the query when there is no body. */
import { badRequest } from '../../apimachinery/status-error.ts';
import { decodeProtobuf } from '../../kubernetes/protobuf.ts';
import { parseText } from '../decoding.ts';
import { bodyFormat } from '../negotiation.ts';
import { checkDeleteOptions, type DeleteOptions } from '../registry/deletion.ts';
import type { WriteOptions } from '../registry/registry.ts';
import { unsafeOption } from '../registry/unsafe-delete.ts';
import { queryFlag, queryInteger } from '../request-info.ts';
import { dryRunOf, type EndpointContext, writeOptionsOf } from './context.ts';

export interface DeleteCall {
  delete: DeleteOptions;
  write: WriteOptions;
}

/** Throws 400 and 422. */
export async function readDeleteOptions(context: EndpointContext): Promise<DeleteCall> {
  const { request } = context;
  const body = await request.readBody();
  const options = body.length === 0 ? fromQuery(request.query) : fromBody(context, body);
  checkDeleteOptions(options);
  const write = writeOptionsOf(context, 'DeleteOptions');
  const dryRun = dryRunOf(options.dryRun ?? request.query.getAll('dryRun'), 'DeleteOptions');
  return { delete: options, write: { ...write, dryRun } };
}

function fromBody({ request, info }: EndpointContext, body: Buffer): DeleteOptions {
  const format = bodyFormat(request);
  const value =
    format === 'protobuf'
      ? decodeProtobuf(body, { group: '', version: 'v1', kind: 'DeleteOptions' })
      : parseText(body, format, 'DeleteOptions');
  request.audit?.requestObject(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('the object provided is unrecognized (must be of type DeleteOptions)');
  const { kind, apiVersion, ...options } = value as DeleteOptions & { kind?: unknown; apiVersion?: unknown };
  if (kind !== undefined && kind !== '' && kind !== 'DeleteOptions')
    throw badRequest(`${String(kind)} in version "${String(apiVersion)}" cannot be handled as DeleteOptions`);
  const own = info.group === '' ? info.version : `${info.group}/${info.version}`;
  if (apiVersion !== undefined && !['', 'v1', 'meta.k8s.io/v1', own].includes(String(apiVersion)))
    throw badRequest(`no kind "DeleteOptions" is registered for version "${String(apiVersion)}"`);
  for (const [key, entry] of Object.entries(options)) if (entry === null) delete options[key as keyof DeleteOptions];
  if (options[unsafeOption] !== undefined && typeof options[unsafeOption] !== 'boolean')
    throw badRequest(`json: cannot unmarshal into Go struct field DeleteOptions.${unsafeOption} of type bool`);
  if (options.gracePeriodSeconds !== undefined && !Number.isInteger(options.gracePeriodSeconds))
    throw badRequest('json: cannot unmarshal into Go struct field DeleteOptions.gracePeriodSeconds of type int64');
  return options;
}

function fromQuery(query: URLSearchParams): DeleteOptions {
  const options: DeleteOptions = {};
  const grace = queryInteger(query, 'gracePeriodSeconds');
  if (grace !== undefined) options.gracePeriodSeconds = grace;
  if (query.has('orphanDependents')) options.orphanDependents = queryFlag(query, 'orphanDependents');
  if (query.has(unsafeOption)) options[unsafeOption] = queryFlag(query, unsafeOption);
  const policy = query.get('propagationPolicy');
  if (policy) options.propagationPolicy = policy;
  return options;
}
