/** Watch events from bytes: one JSON document a line, wherever the chunks are cut. */
import type { WatchEvent } from './client.ts';

/** One event may be as large as the largest object with room to spare; a longer line means the stream is not a watch. */
const maxEventBytes = 64 * 1024 * 1024;
const lineEnd = 0x0a;

export async function* watchEvents<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent<T>> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(lineEnd); end >= 0; end = chunk.indexOf(lineEnd, start)) {
      let line = chunk.subarray(start, end);
      start = end + 1;
      if (pendingBytes > 0) {
        line = Buffer.concat([...pending, line]);
        pending = [];
        pendingBytes = 0;
      }
      if (line.length > 0) yield parse<T>(line);
    }
    if (start < chunk.length) {
      const rest = start === 0 ? chunk : chunk.subarray(start);
      pending.push(rest);
      pendingBytes += rest.length;
      if (pendingBytes > maxEventBytes) throw new Error(`a watch event is longer than ${maxEventBytes} bytes`);
    }
  }
  // A last line without an end is a cut-off event: the next watch brings it whole.
}

function parse<T>(line: Uint8Array): WatchEvent<T> {
  const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8');
  return JSON.parse(text) as WatchEvent<T>;
}
