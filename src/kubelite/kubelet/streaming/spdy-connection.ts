/**
 * SPDY/3.1 as Kubernetes' clients speak it: many streams over one connection, told apart by headers. Their library knows no
 * flow control: it neither heeds nor sends window updates, so the send windows are kept open here, and what is read and not
 * yet taken is bounded by breaking the stream off.
 */
import type { Duplex } from 'node:stream';
import transport, { type SpdyStream } from 'spdy-transport';

export type { SpdyStream } from 'spdy-transport';

export interface SpdySession {
  /** Lets open streams end, then closes. */
  end(): void;
  destroy(): void;
}

const openWindow = 2 ** 30;
/** What a client may send ahead of the reader of a stream. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** Streams open at once on one connection. */
const maxStreams = 1024;

/** Calls `onStream` for each stream that the client opens; it is accepted already. `onClose` is called once. */
export function openSpdy(socket: Duplex, onStream: (stream: SpdyStream) => void, onClose: () => void): SpdySession {
  const connection = transport.connection.create(socket, { protocol: 'spdy', isServer: true, windowSize: openWindow });
  const session = connection._spdyState.window.send;
  // Kubernetes' streams are no requests: they have neither method nor path, which the parser insists on.
  const { parser } = connection._spdyState;
  const parseHeaders = parser.parseKVs.bind(parser);
  parser.parseKVs = (block, done) =>
    parseHeaders(block, (error, headers) => done(error, { ':method': 'POST', ':path': '/', ...headers }));
  const keepOpen = (side: typeof session): void => {
    if (side.getCurrent() < openWindow / 2) side.update(openWindow / 2);
  };
  connection._spdyState.streamWindow.send.setMax(openWindow);
  const open = new Map<number, SpdyStream>();
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    for (const stream of open.values()) stream.destroy();
    onClose();
  };
  connection.on('stream', (stream: SpdyStream) => {
    stream.on('error', () => {});
    if (open.size >= maxStreams) {
      stream.abort('REFUSED_STREAM');
      return;
    }
    open.set(stream.id, stream);
    stream.once('close', () => open.delete(stream.id));
    const write = stream._write.bind(stream);
    stream._write = (chunk, encoding, callback) => {
      keepOpen(session);
      keepOpen(stream._spdyState.window.send);
      write(chunk, encoding, callback);
    };
    // The reply takes a turn to be compressed; nothing else of the stream may be sent before it.
    stream.respond(200, {}, () => onStream(stream));
  });
  connection.on('frame', (frame: { type: string; id: number }) => {
    const stream = frame.type === 'DATA' ? open.get(frame.id) : undefined;
    if (stream !== undefined && stream.readableLength > maxWaitingBytes) stream.abort('FLOW_CONTROL_ERROR');
  });
  connection.on('error', () => socket.destroy());
  connection.on('close', close);
  socket.once('close', close);
  connection.start(3.1);
  keepOpen(session);
  return {
    end: () => connection.end(),
    destroy: () => socket.destroy(),
  };
}

/** Writes the 101; `protocol` is what the streams carry. */
export function acceptSpdy(socket: Duplex, protocol: string): void {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  socket.write(`${[...lines, `X-Stream-Protocol-Version: ${protocol}`].join('\r\n')}\r\n\r\n`);
}
