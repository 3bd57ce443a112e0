/** What a transport must know of a server: the result of reading a kubeconfig, or of a Cluster object and its Secret. */

/** A value, or how to get the current one: read again for each new connection (certificates) or request (tokens). */
export type Source<T> = T | (() => T | Promise<T>);

export interface Connection {
  /** `https://host:port`, with a path in front of all requests where there is one. */
  server: string;
  /** PEM. Without it the system's authorities are trusted. */
  ca?: Source<string | undefined> | undefined;
  /** The server's certificate is not checked. */
  insecure?: boolean | undefined;
  /** The name that the server's certificate must bear, where it is not the host's. */
  serverName?: string | undefined;
  /** PEM of the client certificate and its key. */
  clientCertificate?: Source<{ cert: string; key: string } | undefined> | undefined;
  /** Bearer token. */
  token?: Source<string | undefined> | undefined;
  basicAuth?: { username: string; password: string } | undefined;
  /** The server answered 401: whoever made the credentials may make new ones. */
  onUnauthorized?: (() => void) | undefined;
  impersonate?: { user: string; groups?: readonly string[]; uid?: string | undefined } | undefined;
  /** `http://`, `https://` or `socks5://`: all connections go through this proxy. */
  proxyUrl?: string | undefined;
  /** Sent to an http or https proxy. */
  proxyHeaders?: Readonly<Record<string, readonly string[]>> | undefined;
}

export async function resolveSource<T>(source: Source<T>): Promise<T> {
  return typeof source === 'function' ? (source as () => T | Promise<T>)() : source;
}
