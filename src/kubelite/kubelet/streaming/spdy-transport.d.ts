/** What is used of spdy-transport, which brings no types. */
declare module 'spdy-transport' {
  import type { EventEmitter } from 'node:events';
  import type { Duplex } from 'node:stream';

  interface Window {
    update(delta: number): void;
    setMax(size: number): void;
    getCurrent(): number;
  }
  type HeadersCallback = (error: Error | null, headers?: Record<string, string>) => void;
  interface Parser {
    /** Decompresses and reads a header block. */
    parseKVs(block: unknown, done: HeadersCallback): void;
  }
  export interface SpdyStream extends Duplex {
    readonly id: number;
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>;
    readonly _spdyState: { window: { send: Window } };
    respond(status: number, headers: Record<string, string>, done: () => void): void;
    abort(code?: string): void;
  }
  export interface SpdyConnection extends EventEmitter {
    readonly _spdyState: { window: { send: Window }; streamWindow: { send: Window }; parser: Parser };
    start(version: number): void;
    /** Says GOAWAY, and closes when the last stream has ended. */
    end(): void;
  }
  const transport: {
    connection: {
      create(
        socket: Duplex,
        options: { protocol: 'spdy'; isServer: boolean; windowSize?: number; maxChunk?: number },
      ): SpdyConnection;
    };
  };
  export default transport;
}
