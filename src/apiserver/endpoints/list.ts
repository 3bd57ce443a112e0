/**
 * LIST: the newest state, a state not older than N, or exactly the state of N; whole or page by page over one snapshot.
 *
 *   newest / not older ──▶ watch cache, after it has caught up
 *   exactly N          ──▶ watch cache if nothing of this resource changed since N, else the store at N
 */
import type { ListMeta } from '../../apimachinery/object.ts';
import { badRequest, expired, type FieldError, fieldError, invalid } from '../../apimachinery/status-error.ts';
import { CompactedError, FutureRevisionError } from '../../storage/store.ts';
import { encodeList, sharedList } from '../encoding.ts';
import { prepareRange, prepareViews } from '../registry/converted-views.ts';
import type { ObjectStore } from '../registry/object-store.ts';
import type { Registry } from '../registry/registry.ts';
import { type Selection, selectFrom, selectionOf } from '../registry/selection.ts';
import { tooLargeRevision } from '../registry/store-feed.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { ApiResponse } from '../request.ts';
import { queryInteger } from '../request-info.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { parseResourceVersion, revisionWait } from './get.ts';

export interface ListResult {
  items: StoredObject[];
  metadata: ListMeta;
}

export async function listObjects(context: EndpointContext): Promise<ApiResponse> {
  const encoding = encodingOf(context);
  const { items, metadata } = await readList(context);
  if (context.request.takeEvents !== undefined && encoding.format.as !== 'Table')
    return sharedList(encoding, items, metadata);
  return encodeList(encoding, items, metadata);
}

/** Where a page is read: `exact` undefined means the newest state. */
interface Place {
  exact: number | undefined;
  /** Full key; only keys behind it. */
  after: string | undefined;
}

export async function readList(context: EndpointContext): Promise<ListResult> {
  const { request, info, definition, registry } = context;
  const { query } = request;
  const { objects } = registry;
  const selection = selectionOf(definition, info.namespace, info.labelSelector, info.fieldSelector);
  const version = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  checkListOptions(query, version, match, token);
  const minimum = parseResourceVersion(version);
  let limit = Math.max(0, queryInteger(query, 'limit') ?? 0);
  const place: Place = { exact: undefined, after: undefined };
  if (token !== '') {
    const position = decodeContinue(token);
    place.after = objects.prefix + position.after;
    if (!place.after.startsWith(objects.rangeOf(selection.namespace)))
      throw badRequest('continue key is not valid: it is of another namespace');
    if (position.revision >= 0) place.exact = position.revision;
  } else if (version === '0') {
    limit = 0;
  } else if (minimum !== undefined && (match === 'Exact' || (match === '' && limit > 0))) {
    place.exact = minimum;
  }
  if (place.exact === undefined) {
    if (minimum !== undefined && minimum > 0) await objects.feed.notOlderThan(minimum, revisionWait, request.signal);
    else if (version !== '0') await objects.feed.fresh();
    await prepareRange(objects, definition, selection, limit, place.after);
    return fromCache(objects, selection, limit, place.after, objects.feed.revision);
  }
  if (place.exact > objects.feed.revision) await objects.feed.notOlderThan(place.exact, revisionWait, request.signal);
  return atRevision(registry, selection, limit, place.after, place.exact, token !== '');
}

/** One turn of the event loop: the state cannot change in between. */
function fromCache(
  objects: ObjectStore,
  selection: Selection,
  limit: number,
  after: string | undefined,
  revision: number,
): ListResult {
  const prefix = objects.rangeOf(selection.namespace);
  const items: StoredObject[] = [];
  const metadata: ListMeta = { resourceVersion: String(revision) };
  for (const object of selectFrom(objects, selection, after)) {
    if (limit > 0 && items.length === limit) {
      const last = items.at(-1) as StoredObject;
      metadata.continue = encodeContinue(revision, last.key.slice(objects.prefix.length));
      if (!selection.selective && selection.name === undefined)
        metadata.remainingItemCount = objects.cache.countFrom(prefix, last.key);
      break;
    }
    items.push(object);
  }
  return { items, metadata };
}

async function atRevision(
  { objects, definition }: Pick<Registry, 'objects' | 'definition'>,
  selection: Selection,
  limit: number,
  after: string | undefined,
  revision: number,
  continued: boolean,
): Promise<ListResult> {
  if (objects.cache.lastChange <= revision) await prepareRange(objects, definition, selection, limit, after);
  if (objects.cache.lastChange <= revision) return fromCache(objects, selection, limit, after, revision);
  const prefix = objects.rangeOf(selection.namespace);
  const metadata: ListMeta = { resourceVersion: String(revision) };
  const items: StoredObject[] = [];
  let from = after;
  try {
    for (;;) {
      const page = await objects.store.range(prefix, {
        revision,
        after: from,
        limit: limit === 0 ? 0 : limit - items.length,
      });
      const found = page.kvs.map((kv) => objects.wrap(kv));
      await prepareViews(found, definition);
      for (const object of found) {
        if (selection.matches(object)) items.push(object);
      }
      from = page.kvs.at(-1)?.key ?? from;
      if (page.remaining === 0 || limit === 0) break;
      if (items.length < limit) continue;
      metadata.continue = encodeContinue(revision, (from as string).slice(objects.prefix.length));
      if (!selection.selective && selection.name === undefined) metadata.remainingItemCount = page.remaining;
      break;
    }
  } catch (error) {
    if (error instanceof FutureRevisionError) throw tooLargeRevision(revision, error.current);
    if (!(error instanceof CompactedError)) throw error;
    throw continued
      ? expired(tokenTooOld, encodeContinue(-1, (after as string).slice(objects.prefix.length)))
      : expired(`The resourceVersion for the provided list is too old.`);
  }
  return { items, metadata };
}

const tokenTooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

function checkListOptions(query: URLSearchParams, version: string, match: string, token: string): void {
  if (token !== '' && version !== '' && version !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  const errors: FieldError[] = [];
  if (query.has('sendInitialEvents'))
    errors.push(fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (match !== '') {
    if (version === '')
      errors.push(
        fieldError.forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden unless resourceVersion is provided',
        ),
      );
    if (token !== '')
      errors.push(
        fieldError.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'),
      );
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(fieldError.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan']));
    if (match === 'Exact' && version === '0')
      errors.push(
        fieldError.forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
      );
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}
