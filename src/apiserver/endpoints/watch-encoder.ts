/**
 * What a watch sends: lines of bytes, or, to readers in this process, the objects themselves. An event is encoded once per
 * representation and type; all watchers share the bytes.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { Status } from '../../apimachinery/status-error.ts';
import { type Encoding, represent, sharedForm } from '../encoding.ts';
import { partialObjectMetadata, toTable } from '../printing/table.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { CacheEvent } from '../registry/watch-cache.ts';
import type { SharedEvent } from '../request.ts';
import type { Frame } from './frame-buffer.ts';

export interface WatchEncoder<F extends Frame> {
  frame(event: CacheEvent, type: 'ADDED' | 'MODIFIED' | 'DELETED'): F;
  /** A synthetic ADDED of the initial state. */
  added(object: StoredObject): F;
  /** `initialEnd`: the bookmark that ends the initial state of a WatchList. */
  bookmark(revision: number, initialEnd: boolean): F;
  error(status: Status): F;
}

export interface SharedFrame extends Frame {
  readonly event: SharedEvent;
}

/** For readers that share objects. Tables are for people: nobody asks for them here. */
export function createSharedEncoder({ definition, format }: Encoding): WatchEncoder<SharedFrame> {
  const apiVersion = apiVersionOf(definition.type);
  const frame = (type: SharedEvent['type'], object: StoredObject): SharedFrame => {
    return { length: object.size, event: { type, object: sharedForm(format, object.sharedFor(definition)) } };
  };
  return {
    frame: (event, type) => frame(type, type === 'DELETED' ? event.gone() : (event.current as StoredObject)),
    added: (object) => frame('ADDED', object),
    bookmark: (revision, initialEnd) => ({
      length: 0,
      event: { type: 'BOOKMARK', object: bookmarkObject(definition.type.kind, apiVersion, revision, initialEnd) },
    }),
    error: (status) => ({ length: 0, event: { type: 'ERROR', object: status } }),
  };
}

function bookmarkObject(kind: string, apiVersion: string, revision: number, initialEnd: boolean) {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
  return { kind, apiVersion, metadata };
}

const end = Buffer.from('}\n');
const starts = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

export function createWatchEncoder(encoding: Encoding, clock: Pick<Clock, 'now'>): WatchEncoder<Buffer> {
  const { definition, format } = encoding;
  const apiVersion = apiVersionOf(definition.type);
  const representation = format.as === 'Table' ? `${format.tableVersion} Table ${encoding.includeObject}` : format.as;
  const body = (object: StoredObject): Buffer =>
    format.as === 'Object'
      ? object.jsonFor(definition)
      : Buffer.from(JSON.stringify(represent({ ...encoding, now: clock.now() }, object.objectFor(definition))));
  const line = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: StoredObject): Buffer =>
    Buffer.concat([starts[type], body(object), end]);
  const keys = {
    ADDED: `ADDED ${apiVersion} ${representation}`,
    MODIFIED: `MODIFIED ${apiVersion} ${representation}`,
    DELETED: `DELETED ${apiVersion} ${representation}`,
  };
  return {
    frame(event, type) {
      let frame = event.encodings.get(keys[type]);
      if (frame === undefined) {
        frame = line(type, type === 'DELETED' ? event.gone() : (event.current as StoredObject));
        event.encodings.set(keys[type], frame);
      }
      return frame;
    },
    added: (object) => line('ADDED', object),
    bookmark(revision, initialEnd) {
      const plain = bookmarkObject(definition.type.kind, apiVersion, revision, initialEnd);
      const object =
        format.as === 'Table'
          ? toTable(definition, [], plain.metadata, { apiVersion: format.tableVersion, now: 0 })
          : format.as === 'PartialObjectMetadata'
            ? partialObjectMetadata(plain)
            : plain;
      return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    error: (status) => Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
  };
}
