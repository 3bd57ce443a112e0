/**
 * WATCH: one JSON object per line, as long as the client stays.
 *
 *   resourceVersion unset/0, or sendInitialEvents ──▶ [state] ADDED for all that matches ──(bookmark)──▶ [live]
 *   resourceVersion N in the cache's history      ───────────────────────────────────────────────────▶ [live]
 *   resourceVersion N older than that             ──▶ [catch-up] the store's own log, until the history begins ──▶ [live]
 *   resourceVersion N compacted                   ──▶ ERROR 410, end
 *   [live] buffer full, kind gone, timeout, shutdown ──▶ end; the client comes back with its last resourceVersion
 */
import { asStatusError, expired, type FieldError, fieldError, invalid } from '../../apimachinery/status-error.ts';
import { CompactedError, type KeyValue } from '../../storage/store.ts';
import { linkAbort } from '../linked-abort.ts';
import { prepareRange } from '../registry/converted-views.ts';
import { type Selection, selectFrom, selectionOf } from '../registry/selection.ts';
import { unreadable } from '../registry/stored-object.ts';
import { type CacheEvent, type CacheWatcher, cacheEvent, interested } from '../registry/watch-cache.ts';
import type { ApiResponse } from '../request.ts';
import { queryFlag, queryInteger } from '../request-info.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { ConvertedEvents, prepareEvent } from './converted-events.ts';
import { type Frame, FrameBuffer } from './frame-buffer.ts';
import { parseResourceVersion, revisionWait } from './get.ts';
import { createSharedEncoder, createWatchEncoder, type SharedFrame, type WatchEncoder } from './watch-encoder.ts';
import { watchOverWebSocket } from './watch-web-socket.ts';

type Write = (chunk: Buffer | string) => Promise<void>;

/** What a watch makes of events, and where that goes. */
interface Outlet<F extends Frame> {
  encoder: WatchEncoder<F>;
  send(frames: readonly F[]): Promise<void>;
}

/** Bytes written at once; larger writes would sit in the connection's memory. */
const chunkSize = 64 * 1024;
const bookmarkInterval = 60_000;
const bookmarkBeforeTimeout = 2000;
const defaultTimeout = 30 * 60_000;

interface WatchPlan {
  /** Send the current state first. */
  initial: boolean;
  /** Read not older than this before anything is sent. */
  minimum: number | undefined;
  /** Only changes with a greater revision; undefined: from now on. */
  after: number | undefined;
  bookmarks: boolean;
  /** Milliseconds. */
  timeout: number;
}

export function watchObjects(context: EndpointContext): ApiResponse {
  const { definition, info } = context;
  const plan = planWatch(context.request.query);
  // The deprecated `/watch/` prefix names one object in the path.
  const fields = info.name === '' ? info.fieldSelector : `metadata.name=${info.name}`;
  const selection = selectionOf(definition, info.namespace, info.labelSelector, fields);
  const encoding = encodingOf(context);
  const { takeEvents } = context.request;
  const run = async (write: Write): Promise<void> => {
    // Headers go out at once, before the first event.
    await write('');
    if (takeEvents !== undefined && encoding.format.as !== 'Table') {
      const encoder = createSharedEncoder(encoding);
      const send = (frames: readonly SharedFrame[]) => takeEvents(frames.map(({ event }) => event));
      return runWatch(context, plan, selection, { encoder, send });
    }
    const encoder = createWatchEncoder(encoding, context.clock);
    const send = (frames: readonly Buffer[]) =>
      write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
    return runWatch(context, plan, selection, { encoder, send });
  };
  if (context.request.upgrade?.toLowerCase() === 'websocket') return watchOverWebSocket(run);
  return { status: 200, headers: { 'content-type': 'application/json' }, body: run };
}

function planWatch(query: URLSearchParams): WatchPlan {
  const version = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const sendInitial = query.has('sendInitialEvents') ? queryFlag(query, 'sendInitialEvents') : undefined;
  checkWatchOptions(query, match, sendInitial);
  const number = parseResourceVersion(version);
  const seconds = queryInteger(query, 'timeoutSeconds') ?? 0;
  const anyState = number === undefined || number === 0;
  return {
    initial: sendInitial ?? anyState,
    minimum: sendInitial === true ? number : undefined,
    after: anyState || sendInitial === true ? undefined : number,
    bookmarks: queryFlag(query, 'allowWatchBookmarks'),
    timeout: seconds > 0 ? seconds * 1000 : defaultTimeout * (1 + Math.random()),
  };
}

function checkWatchOptions(query: URLSearchParams, match: string, sendInitial: boolean | undefined): void {
  const errors: FieldError[] = [];
  if (sendInitial === undefined && match !== '')
    errors.push(
      fieldError.forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  if (sendInitial !== undefined && match !== 'NotOlderThan')
    errors.push(
      match === ''
        ? fieldError.forbidden(
            'resourceVersionMatch',
            'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
          )
        : fieldError.notSupported('resourceVersionMatch', match, ['NotOlderThan']),
    );
  if (sendInitial !== undefined && query.get('continue'))
    errors.push(
      fieldError.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'),
    );
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}

async function runWatch<F extends Frame>(
  context: EndpointContext,
  plan: WatchPlan,
  selection: Selection,
  outlet: Outlet<F>,
): Promise<void> {
  const { clock, request } = context;
  // Not AbortSignal.any: the signal of a request from within the process may live as long as the process.
  const life = linkAbort(request.signal);
  const signal = life.signal;
  const timer = clock.setTimeout(() => life.abort(), plan.timeout);
  try {
    await stream(context, plan, selection, outlet, signal);
  } catch (error) {
    if (!signal.aborted) await outlet.send([outlet.encoder.error(asStatusError(error).status)]).catch(() => undefined);
  } finally {
    timer.cancel();
    life.abort();
    life.release();
  }
}

async function stream<F extends Frame>(
  context: EndpointContext,
  plan: WatchPlan,
  selection: Selection,
  { encoder, send }: Outlet<F>,
  signal: AbortSignal,
): Promise<void> {
  const { cache, feed } = context.registry.objects;
  const buffer = new FrameBuffer<F>();
  if (plan.minimum !== undefined && plan.minimum > 0) await feed.notOlderThan(plan.minimum, revisionWait, signal);
  else if (plan.after === undefined) await feed.fresh();
  let after = plan.after ?? feed.revision;
  while (plan.after !== undefined && after < cache.historyStart && !signal.aborted)
    after = await catchUp(context, after, selection, { encoder, send }, signal);
  const { definition } = context.registry;
  const converting =
    definition.storage?.convert === undefined
      ? undefined
      : new ConvertedEvents(definition, buffer, (event) => frameFor(event, selection, encoder));
  const watcher: CacheWatcher = {
    namespace: selection.namespace,
    name: selection.name,
    event(event) {
      if (event.revision <= after) return;
      if (converting !== undefined) return converting.add(event);
      const frame = frameFor(event, selection, encoder);
      if (frame !== undefined) buffer.push(frame);
    },
    cut: () => buffer.close(),
  };
  if (plan.initial) await prepareRange(context.registry.objects, definition, selection, 0);
  // What came in while a webhook converted is in the state already.
  if (converting !== undefined && plan.initial) after = feed.revision;
  // No await between here and the subscription: nothing is missed and nothing comes twice.
  const state = plan.initial ? [...selectFrom(context.registry.objects, selection)] : [];
  const unsubscribe = cache.watch(watcher, after);
  const stop = (): void => buffer.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const bookmarks = plan.bookmarks
    ? startBookmarks(context, plan, buffer, encoder, () => converting?.idle ?? true)
    : undefined;
  try {
    let chunk: F[] = [];
    let size = 0;
    for (const object of state) {
      const frame = encoder.added(object);
      chunk.push(frame);
      size += frame.length;
      if (size < chunkSize) continue;
      await send(chunk);
      if (signal.aborted || buffer.closed) return;
      chunk = [];
      size = 0;
    }
    if (plan.initial && plan.bookmarks) chunk.push(encoder.bookmark(after, true));
    if (chunk.length > 0) await send(chunk);
    for (let next = await buffer.take(chunkSize); next !== undefined; next = await buffer.take(chunkSize))
      await send(next);
    if (converting?.failure !== undefined) throw converting.failure;
  } finally {
    bookmarks?.cancel();
    signal.removeEventListener('abort', stop);
    unsubscribe();
  }
}

/** Undefined when the change is invisible to this watch. */
function frameFor<F extends Frame>(event: CacheEvent, selection: Selection, encoder: WatchEncoder<F>): F | undefined {
  const now = event.current !== undefined && selection.matches(event.current);
  const before = event.previous !== undefined && selection.matches(event.previous);
  if (now) return encoder.frame(event, before ? 'MODIFIED' : 'ADDED');
  return before ? encoder.frame(event, 'DELETED') : undefined;
}

/** Sends what the store's log has, until the cache's history takes over. Returns the revision reached. */
async function catchUp<F extends Frame>(
  context: EndpointContext,
  from: number,
  selection: Selection,
  { encoder, send }: Outlet<F>,
  signal: AbortSignal,
): Promise<number> {
  const { objects } = context.registry;
  let reached = from;
  try {
    while (reached < objects.cache.historyStart) {
      // All keys, not only this resource's: so the newest revision is sure to pass by, and the loop to end.
      for await (const batch of objects.store.watch({ prefix: '', after: reached, signal })) {
        for (const event of batch) {
          const key = event.type === 'put' ? event.kv.key : event.key;
          if (!key.startsWith(objects.rangeOf(selection.namespace))) continue;
          const current = event.type === 'put' ? objects.wrap(event.kv) : undefined;
          // What it was matters for a deletion; else, unreadable counts as not there.
          const known = event.previous && (current === undefined || unreadable(event.previous) === undefined);
          const previous = known ? objects.wrap(event.previous as KeyValue) : undefined;
          const change = cacheEvent(event.revision, current, previous);
          if (interested(selection, change)) await prepareEvent(change, context.registry.definition);
          const frame = interested(selection, change) ? frameFor(change, selection, encoder) : undefined;
          if (frame !== undefined) await send([frame]);
        }
        reached = batch.upTo ?? batch.at(-1)?.revision ?? reached;
        if (reached >= objects.cache.historyStart) break;
      }
      if (signal.aborted) break;
    }
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw expired(`too old resource version: ${from} (${error.oldest})`);
  }
  return reached;
}

/** One about every minute, and one shortly before the end, when everything before it has been put into the buffer. */
function startBookmarks<F extends Frame>(
  context: EndpointContext,
  plan: WatchPlan,
  buffer: FrameBuffer<F>,
  encoder: WatchEncoder<F>,
  /** Everything that has happened is in the buffer. */
  complete: () => boolean,
): { cancel(): void } {
  const { clock, registry } = context;
  const end = clock.now() + plan.timeout;
  let timer: { cancel(): void };
  const send = (): void => {
    if (complete()) buffer.push(encoder.bookmark(registry.objects.feed.revision, false));
    schedule();
  };
  const schedule = (): void => {
    const left = end - clock.now() - bookmarkBeforeTimeout;
    timer = left > 0 ? clock.setTimeout(send, Math.min(bookmarkInterval, left)) : { cancel: () => undefined };
  };
  schedule();
  return { cancel: () => timer.cancel() };
}
