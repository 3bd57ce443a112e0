/**
 * pods/proxy, services/proxy and nodes/proxy: HTTP to what this cluster itself serves. A name may carry scheme and port:
 * `web`, `web:80`, `https:web:web-port`. A connection only ever leads to a port that a pod listens on, or to the few documents
 * of a node's kubelet; no other port of this host can be reached.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { DeepReadonly } from '../apimachinery/object.ts';
import { badRequest, StatusError, statusFailure } from '../apimachinery/status-error.ts';
import type { ApiRequest, ApiResponse } from '../apiserver/request.ts';
import type { ConnectHandler, ConnectRequest } from '../apiserver/server.ts';
import type { Informer } from '../client/informer.ts';
import type { EndpointSlice, Pod, Service } from '../kubernetes/types.ts';
import type { PodRuntime, ReadablePod } from './kubelet/runtime.ts';

export interface ProxySources {
  pods: Informer<Pod>;
  endpointSlices: Informer<EndpointSlice>;
  runtimeOf(node: string): PodRuntime | undefined;
  /** A document of a node's kubelet; undefined: it has none under this path. */
  nodeDocument(node: string, path: string): { type: string; body: string } | undefined;
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const kubeletPort = 10250;
const serviceNameLabel = 'kubernetes.io/service-name';

/** `sources` is asked at each request, so that the server can start before the caches are there. */
export function createResourceProxies(sources: () => ProxySources): ConnectHandler[] {
  const handler = (resource: string, kind: string, handle: ConnectHandler['handle']): ConnectHandler => ({
    group: '',
    version: 'v1',
    resource,
    subresource: 'proxy',
    methods,
    kind,
    objectName: (name) => parseTarget(name).name,
    handle,
  });
  return [
    handler('pods', 'PodProxyOptions', (connect) => proxyPod(connect, sources())),
    handler('services', 'ServiceProxyOptions', (connect) => proxyService(connect, sources())),
    handler('nodes', 'NodeProxyOptions', async (connect) => proxyNode(connect, sources())),
  ];
}

interface Target {
  scheme: 'http' | 'https';
  name: string;
  /** Empty: the first. */
  port: string;
}

/** `[scheme:]name[:port]`. Throws 400. */
function parseTarget(text: string): Target {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length <= 2 && first !== '') return { scheme: 'http', name: first, port: second };
  if (parts.length === 3 && second !== '' && (first === 'http' || first === 'https' || first === ''))
    return { scheme: first === 'https' ? 'https' : 'http', name: second, port: third };
  throw badRequest(`invalid proxy target ${JSON.stringify(text)}`);
}

async function proxyPod(connect: ConnectRequest, { runtimeOf }: ProxySources): Promise<ApiResponse> {
  const target = parseTarget(connect.name);
  const pod = connect.object as unknown as ReadablePod;
  const declared = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const port =
    target.port === ''
      ? (declared[0]?.containerPort ?? 80)
      : (declared.find(({ name }) => name === target.port)?.containerPort ?? Number(target.port));
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw badRequest(`pod ${target.name} has no port ${JSON.stringify(target.port)}`);
  return forward(connect, target.scheme, () => dial(pod, port, runtimeOf));
}

async function proxyService(connect: ConnectRequest, sources: ProxySources): Promise<ApiResponse> {
  const target = parseTarget(connect.name);
  const service = connect.object as unknown as DeepReadonly<Service>;
  const ports = service.spec?.ports ?? [];
  const chosen = target.port === '' && ports.length === 1 ? ports[0] : ports.find((port) => matches(port, target.port));
  if (chosen === undefined)
    throw unavailable(
      `no service port ${JSON.stringify(target.port)} found for service ${JSON.stringify(target.name)}`,
    );
  const ready = sources.endpointSlices
    .list(connect.namespace)
    .filter(({ metadata }) => metadata.labels?.[serviceNameLabel] === target.name)
    .flatMap((slice) => {
      const port = slice.ports?.find(({ name }) => (name ?? '') === (chosen.name ?? ''))?.port;
      const backends = slice.endpoints.filter(({ conditions }) => conditions?.ready !== false);
      return port === undefined ? [] : backends.map(({ targetRef }) => ({ port, pod: targetRef?.name ?? '' }));
    });
  const backend = ready[Math.floor(Math.random() * ready.length)];
  const pod = backend && sources.pods.get(`${connect.namespace}/${backend.pod}`);
  if (backend === undefined || pod === undefined)
    throw unavailable(`no endpoints available for service ${JSON.stringify(target.name)}`);
  return forward(connect, target.scheme, () => dial(pod, backend.port, sources.runtimeOf));
}

const matches = (port: { readonly name?: string; readonly port: number }, asked: string): boolean =>
  port.name === asked || String(port.port) === asked;

function proxyNode(connect: ConnectRequest, sources: ProxySources): ApiResponse {
  const { name, port } = parseTarget(connect.name);
  if (port !== '' && port !== String(kubeletPort))
    throw unreachable(new Error(`dial tcp: node ${name}, port ${port}: connect: connection refused`));
  if (sources.runtimeOf(name) === undefined)
    throw unreachable(new Error(`dial tcp: node ${name}, port ${kubeletPort}: i/o timeout`));
  const { method } = connect.request;
  const text = (status: number, body: string, type = 'text/plain; charset=utf-8'): ApiResponse => ({
    status,
    headers: { 'content-type': type },
    body,
  });
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'Method Not Allowed\n');
  const document = sources.nodeDocument(name, `/${connect.rest}`);
  return document === undefined ? text(404, '404 page not found\n') : text(200, document.body, document.type);
}

async function dial(pod: ReadablePod, port: number, runtimeOf: ProxySources['runtimeOf']): Promise<Duplex> {
  const runtime = runtimeOf(pod.spec?.nodeName ?? '');
  if (runtime === undefined || pod.status?.phase !== 'Running')
    throw new Error(`address not allowed: pod ${pod.metadata.name} does not run`);
  return runtime.dial(pod, port);
}

/** One request and its answer, piece by piece. */
async function forward(
  { request, rest }: ConnectRequest,
  scheme: 'http' | 'https',
  open: () => Promise<Duplex>,
): Promise<ApiResponse> {
  if (request.upgrade !== undefined) throw badRequest('the proxy passes no other protocol than HTTP on');
  const hasBody = !['GET', 'HEAD', 'OPTIONS'].includes(request.method);
  const body = hasBody ? await request.readBody() : Buffer.alloc(0);
  let answer: IncomingMessage;
  try {
    const plain = await open();
    // As the API server does, a proxy asks whether somebody answers, not who.
    const socket = scheme === 'https' ? await secure(plain) : plain;
    answer = await send(request, rest, body, socket);
  } catch (error) {
    throw unreachable(error);
  }
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !hopByHop.test(name)) headers[name] = value;
  return {
    status: answer.statusCode ?? 502,
    headers,
    async body(write) {
      for await (const chunk of answer) await write(chunk as Buffer);
    },
  };
}

function secure(plain: Duplex): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ socket: plain, rejectUnauthorized: false });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

const hopByHop =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|http2-settings)$/;
/** Who the caller is remains between it and the API server. */
const identity = /^(authorization|cookie|impersonate-.*|x-remote-.*)$/;

function send(request: ApiRequest, rest: string, body: Buffer, socket: Duplex): Promise<IncomingMessage> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(':') && !hopByHop.test(name) && !identity.test(name))
      headers[name] = value;
  headers['host'] ??= 'localhost';
  headers['connection'] = 'close';
  headers['x-forwarded-uri'] = request.path;
  if (body.length > 0) headers['content-length'] = String(body.length);
  const query = request.query.toString();
  const path = `/${rest}${query === '' ? '' : `?${query}`}`;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ createConnection: () => socket, method: request.method, path, headers });
    const gone = (): void => void outgoing.destroy(new Error('the client went away'));
    request.signal.addEventListener('abort', gone, { once: true });
    outgoing.once('close', () => request.signal.removeEventListener('abort', gone));
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const unavailable = (message: string): StatusError => statusFailure(503, 'ServiceUnavailable', message);

function unreachable(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  return unavailable(`error trying to reach service: ${error instanceof Error ? error.message : String(error)}`);
}
