/** Which headers pass through to another server, and back. */
import type { ApiRequest } from '../request.ts';

type Headers = Record<string, string | string[]>;
type Incoming = Readonly<Record<string, string | string[] | undefined>>;

/** They speak about one connection only (RFC 9110, 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** A WebSocket client may carry a bearer token as one of its protocols. */
const bearerProtocol = 'base64url.bearer.authorization.k8s.io.';

/** Everything by which a client could say who it is. The other server is to hear that from us alone. */
function isIdentity(name: string): boolean {
  return (
    name === 'authorization' ||
    name === 'cookie' ||
    name.startsWith('impersonate-') ||
    name.startsWith('x-remote-') ||
    // Some servers and proxies read underscores as dashes.
    name.includes('_')
  );
}

/** Without whatever says who the client is. `upgrade` keeps the two headers that ask for another protocol. */
export function requestHeaders(request: ApiRequest, host: string): Headers {
  const named = connectionNames(request.headers);
  const headers: Headers = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(':') || hopByHop.has(name) || named.has(name)) continue;
    if (isIdentity(name) || name === 'host' || name === 'content-length' || name === 'expect') continue;
    headers[name] = value;
  }
  const protocols = headers['sec-websocket-protocol'];
  if (protocols !== undefined) {
    const kept = String(protocols)
      .split(',')
      .map((protocol) => protocol.trim())
      .filter((protocol) => !protocol.startsWith(bearerProtocol));
    if (kept.length > 0) headers['sec-websocket-protocol'] = kept.join(', ');
    else delete headers['sec-websocket-protocol'];
  }
  headers['host'] = host;
  if (request.upgrade !== undefined) {
    headers['connection'] = 'Upgrade';
    headers['upgrade'] = request.upgrade;
  }
  return headers;
}

/** What of the answer goes to the client: cross-origin rules are those of the server it asked. */
export function responseHeaders(answer: Incoming): Headers {
  const named = connectionNames(answer);
  const headers: Headers = {};
  for (const [name, value] of Object.entries(answer)) {
    if (value === undefined || hopByHop.has(name) || named.has(name) || name.startsWith('access-control-')) continue;
    headers[name] = value;
  }
  return headers;
}

function connectionNames(headers: Incoming): ReadonlySet<string> {
  return new Set(
    String(headers['connection'] ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}

/** Header values travel as latin-1; Go reads the bytes as UTF-8. Throws where a name cannot be a header value. */
export function headerText(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new Error('the name of the user or of a group contains a control character');
  return Buffer.from(text, 'utf8').toString('latin1');
}
