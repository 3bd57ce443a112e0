/** How requests reach an API server: HTTP/2 or HTTP/1.1 over TLS, or a function call into a server in this process. */

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';
  /** Path and query: `/api/v1/pods?limit=500`. */
  path: string;
  headers?: Readonly<Record<string, string | readonly string[]>>;
  body?: Buffer | string | undefined;
  /** In place of `body`: a value whose JSON is the body. */
  value?: unknown;
  /**
   * The caller takes `shared` or `events` in place of a body, which a server in its own process can give: objects without
   * managedFields that others hold, too, and that must never be changed.
   */
  shared?: boolean | undefined;
  /** Ends the request or the stream being read. */
  signal?: AbortSignal | undefined;
}

export interface ResponseBody extends AsyncIterable<Uint8Array> {
  /** All of it at once, where that is cheaper than piece by piece. */
  whole?(): Promise<Buffer>;
}

export interface TransportResponse {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as it arrives; to be read at most once. Leaving the loop early ends the stream. */
  body: ResponseBody;
  /** What the body says, if the request asked for it and the server is in this process. */
  shared?: unknown;
  /** The events of a watch, likewise. */
  events?: AsyncIterable<readonly unknown[]> | undefined;
}

export interface Transport {
  /** Rejects on connection errors only; any HTTP status resolves. */
  request(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}
