/**
 * A request and its reply, apart from any socket: the HTTP listener (h1, h2) and the in-process transport both speak this
 * form, so both go through the same pipeline.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AuditTrail } from './audit/trail.ts';
import type { UserInfo } from './authentication/user-info.ts';
import type { Ending } from './linked-abort.ts';

export interface ApiRequest {
  method: string;
  /** Path without the query, still percent-encoded. */
  path: string;
  query: URLSearchParams;
  /** Lower-case names; repeated headers as arrays. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Reads the whole body; throws 413 past the limit. */
  readBody(): Promise<Buffer>;
  /** Set only by the in-process transport, in place of a body of bytes: the value, which is the reader's to change. */
  readValue?: (() => unknown) | undefined;
  /**
   * Set only by the in-process transport, for callers that take objects which they share with others: a watch hands its
   * events here instead of writing bytes; resolves when they have been taken. Other replies have `shared`.
   */
  takeEvents?: ((events: readonly SharedEvent[]) => Promise<void>) | undefined;
  /** DER of the verified or unverified peer certificate, if one was sent. */
  clientCertificate?: Buffer | undefined;
  /** Set only by the in-process transport: the caller is already known. Authorization still applies. */
  user?: UserInfo | undefined;
  remoteAddress: string;
  /** The protocol that the client wants to go on with on this connection: `websocket`, `SPDY/3.1`. */
  upgrade?: string | undefined;
  /** Set for requests that are audited. */
  audit?: AuditTrail | undefined;
  /** Aborted when the client goes away or the server shuts down. */
  readonly signal: AbortSignal;
  /** Tells the same without a signal being made; default: the signal. */
  over?: Ending | undefined;
}

export const overOf = (request: ApiRequest): Ending => request.over ?? request.signal;

/** An event of a watch as an object. */
export interface SharedEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: unknown;
}

export interface ApiResponse {
  status: number;
  headers: Record<string, string | string[]>;
  /** Whole, or written piece by piece (watch, log). A piece is sent at once; the writer awaits back-pressure. */
  body: Buffer | string | ((write: (chunk: Buffer | string) => Promise<void>) => Promise<void>);
  /** What the body says, without managedFields, as an object that others hold, too. */
  shared?: (() => unknown) | undefined;
  /** Instead of a reply: takes the connection over, writes the 101 itself, and resolves when it is done with the socket. */
  takeOver?: ((connection: UpgradedConnection) => Promise<void>) | undefined;
}

/** A connection that leaves HTTP. */
export interface UpgradedConnection {
  /** The request as it came; it has no body. */
  message: IncomingMessage;
  socket: Duplex;
  /** Bytes that came behind the request already. */
  head: Buffer;
}
