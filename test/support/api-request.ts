/** Requests to an API server in this process as if they had come over the network: nobody has vouched for the caller. */
import type { ApiServer } from '../../src/apiserver/server.ts';

export interface CallOptions {
  headers?: Record<string, string | string[]>;
  /** Sent as JSON. */
  body?: unknown;
  /** DER of the peer's certificate. */
  clientCertificate?: Buffer;
}

export interface Reply {
  status: number;
  headers: Record<string, string | string[]>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any reply
  json: any;
}

export async function call(server: ApiServer, method: string, url: string, options: CallOptions = {}): Promise<Reply> {
  const { pathname, searchParams } = new URL(url, 'https://localhost');
  const response = await server.handle({
    method,
    path: pathname,
    query: searchParams,
    headers: { 'content-type': 'application/json', ...options.headers },
    readBody: async () => Buffer.from(options.body === undefined ? '' : JSON.stringify(options.body)),
    clientCertificate: options.clientCertificate,
    remoteAddress: '127.0.0.1',
    signal: new AbortController().signal,
  });
  if (typeof response.body === 'function') throw new Error('a stream where a whole body was expected');
  const text = response.body.toString();
  const isJson = String(response.headers['content-type'] ?? '').startsWith('application/json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : undefined,
  };
}
