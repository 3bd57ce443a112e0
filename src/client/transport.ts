/** How requests reach an API server: HTTP/2 or HTTP/1.1 over TLS, or a function call into a server in this process. */

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';
  /** Path and query: `/api/v1/pods?limit=500`. */
  path: string;
  headers?: Readonly<Record<string, string | readonly string[]>>;
  body?: Buffer | string | undefined;
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
}

export interface Transport {
  /** Rejects on connection errors only; any HTTP status resolves. */
  request(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}
