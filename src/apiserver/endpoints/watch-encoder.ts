/** Lines of a watch stream. An event is encoded once per representation and type; all watchers share the bytes. */
import type { Clock } from '../../apimachinery/clock.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { Status } from '../../apimachinery/status-error.ts';
import { type Encoding, represent } from '../encoding.ts';
import { partialObjectMetadata, toTable } from '../printing/table.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { CacheEvent } from '../registry/watch-cache.ts';

export interface WatchEncoder {
  frame(event: CacheEvent, type: 'ADDED' | 'MODIFIED' | 'DELETED'): Buffer;
  /** A synthetic ADDED of the initial state. */
  added(object: StoredObject): Buffer;
  /** `initialEnd`: the bookmark that ends the initial state of a WatchList. */
  bookmark(revision: number, initialEnd: boolean): Buffer;
  error(status: Status): Buffer;
}

const end = Buffer.from('}\n');
const starts = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

export function createWatchEncoder(encoding: Encoding, clock: Pick<Clock, 'now'>): WatchEncoder {
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
      const metadata = {
        resourceVersion: String(revision),
        ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
      };
      const plain = { kind: definition.type.kind, apiVersion, metadata };
      const object =
        format.as === 'Table'
          ? toTable(definition, [], metadata, { apiVersion: format.tableVersion, now: 0 })
          : format.as === 'PartialObjectMetadata'
            ? partialObjectMetadata(plain)
            : plain;
      return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    error: (status) => Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
  };
}
