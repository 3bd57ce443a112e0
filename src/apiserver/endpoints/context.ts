/** What every endpoint gets: the request, who makes it, the kind it is about, and the tools of this server. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { badRequest, fieldError, invalid } from '../../apimachinery/status-error.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import type { Encoding } from '../encoding.ts';
import { header, type OutputFormat } from '../negotiation.ts';
import type { IncludeObject } from '../printing/table.ts';
import type { Registry, WriteOptions } from '../registry/registry.ts';
import { type ApiRequest, overOf } from '../request.ts';
import type { RequestInfo } from '../request-info.ts';

export interface EndpointContext {
  request: ApiRequest;
  info: RequestInfo;
  user: UserInfo;
  definition: ResourceDefinition;
  registry: Registry;
  format: OutputFormat;
  authorizer: Authorizer;
  clock: Clock;
  /** Texts for Warning headers; each is sent once. */
  warn(message: string): void;
}

export function encodingOf(context: EndpointContext): Encoding {
  const include = context.request.query.get('includeObject') ?? '';
  if (include !== '' && include !== 'None' && include !== 'Metadata' && include !== 'Object')
    throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
  return {
    format: context.format,
    definition: context.definition,
    includeObject: (include || 'Metadata') as IncludeObject,
    now: context.clock.now(),
  };
}

/** `options` is the options kind that stands in messages: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions. */
export function writeOptionsOf(context: EndpointContext, options: string): WriteOptions {
  checkFieldManager(context.request.query, options);
  return {
    user: context.user,
    dryRun: dryRunOf(context.request.query.getAll('dryRun'), options),
    fieldManager: context.request.query.get('fieldManager') || managerOf(header(context.request, 'user-agent')),
    subresource: context.info.subresource,
    over: overOf(context.request),
    warn: context.warn,
    annotate: context.request.audit && ((key, value) => context.request.audit?.annotate(key, value)),
  };
}

const maxManagerBytes = 128;

/** The manager of a client that names none: its user agent up to the first slash, as far as it can be printed. */
function managerOf(userAgent: string): string {
  const prefix = userAgent.split('/', 1)[0] ?? '';
  let name = '';
  let bytes = 0;
  for (const character of prefix) {
    if (!printable.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > maxManagerBytes) break;
    name += character;
  }
  return name;
}

/** `force` of the query: absent, `false` and `0` are false, everything else is true. */
export function forceOf(query: URLSearchParams): boolean {
  const value = query.get('force');
  return value !== null && value !== 'false' && value !== '0';
}

const printable = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** Throws 422 for anything but `All`. */
export function dryRunOf(values: readonly string[], options: string): boolean {
  const given = values.filter((value) => value !== '');
  if (given.some((value) => value !== 'All'))
    throw invalid({ group: 'meta.k8s.io', kind: options }, '', [
      {
        ...fieldError.notSupported('dryRun', given, ['All']),
        message: `Unsupported value: ${JSON.stringify(given)}: supported values: "All"`,
      },
    ]);
  return given.length > 0;
}

function checkFieldManager(query: URLSearchParams, options: string): void {
  const manager = query.get('fieldManager');
  if (manager === null) return;
  if (manager.length > 128)
    throw invalid({ group: 'meta.k8s.io', kind: options }, '', [fieldError.tooLong('fieldManager', 128)]);
  for (const character of manager)
    if (!printable.test(character))
      throw invalid({ group: 'meta.k8s.io', kind: options }, '', [
        fieldError.invalid('fieldManager', manager, 'should only contain printable characters'),
      ]);
}
