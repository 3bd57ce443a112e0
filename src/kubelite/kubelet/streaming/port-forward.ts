/**
 * pods/portforward: connections to a pod's ports, over SPDY, SPDY inside of WebSocket messages (kubectl 1.31 and later), or
 * WebSocket channels (other clients). Each connection is a pair of streams: data, and an error that is written when it failed.
 */
import type { Duplex, Writable } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import { badRequest, internalError } from '../../../apimachinery/status-error.ts';
import type { ApiRequest, ApiResponse, UpgradedConnection } from '../../../apiserver/request.ts';
import type { ConnectHandler, ConnectRequest } from '../../../apiserver/server.ts';
import type { PodRuntime, ReadablePod } from '../runtime.ts';
import { createDuplexPair } from './duplex-pair.ts';
import { acceptSpdy, openSpdy, type SpdyStream } from './spdy-connection.ts';
import { asksForSpdy, chooseStreamProtocol } from './spdy-streams.ts';

const streamProtocol = 'portforward.k8s.io';
const tunnelProtocol = `SPDY/3.1+${streamProtocol}`;
const channelProtocols = ['v4.channel.k8s.io', 'portforward.k8s.io'];
const maxMessageBytes = 1024 * 1024;

type Dial = (port: number) => Promise<Duplex>;

/** `runtimeOf` gives the runtime of a pod's node; undefined when the node is not ours. */
export function createPortForwardHandler(runtimeOf: (node: string) => PodRuntime | undefined): ConnectHandler {
  return {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: 'portforward',
    methods: ['GET', 'POST'],
    kind: 'PodPortForwardOptions',
    handle: async () => {
      throw badRequest('Upgrade request required');
    },
    async upgrade(connect): Promise<ApiResponse> {
      const dial = dialerOf(connect, runtimeOf);
      const serve = protocolOf(connect.request);
      const { signal } = connect.request;
      return { status: 101, headers: {}, body: '', takeOver: (taken) => serve(taken, signal, dial) };
    },
  };
}

function dialerOf(connect: ConnectRequest, runtimeOf: (node: string) => PodRuntime | undefined): Dial {
  const pod = connect.object as DeepReadonly<Unstructured> as unknown as ReadablePod;
  const { name, uid } = pod.metadata;
  const node = pod.spec?.nodeName;
  if (!node) throw badRequest(`pod ${name} does not have a host assigned`);
  const runtime = runtimeOf(node);
  if (runtime === undefined) throw internalError(`node ${JSON.stringify(node)} has no kubelet in this cluster`);
  if (pod.status?.phase !== 'Running')
    throw badRequest(`unable to forward port because pod is not running. Current status=${pod.status?.phase}`);
  return async (port) => {
    try {
      return await runtime.dial(pod, port);
    } catch (error) {
      throw new Error(`error forwarding port ${port} to pod ${name}, uid ${uid}: ${(error as Error).message}`);
    }
  };
}

type Serve = (connection: UpgradedConnection, serverGone: AbortSignal, dial: Dial) => Promise<void>;

/** Throws 400 before anything is upgraded. */
function protocolOf(request: ApiRequest): Serve {
  if (asksForSpdy(request)) {
    const protocol = chooseStreamProtocol(request, [streamProtocol]);
    return ({ socket, head }, serverGone, dial) => {
      acceptSpdy(socket, protocol);
      if (head.length > 0) socket.unshift(head);
      return serveSpdy(socket, serverGone, dial);
    };
  }
  if (request.upgrade?.toLowerCase() !== 'websocket')
    throw badRequest(`unable to upgrade to ${JSON.stringify(request.upgrade)}`);
  const asked = String(request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim());
  const chosen = [tunnelProtocol, ...channelProtocols].find((name) => asked.includes(name));
  if (chosen === undefined)
    throw badRequest(
      `unable to upgrade: the client speaks none of the protocols ${[tunnelProtocol, ...channelProtocols].join(', ')}`,
    );
  if (chosen === tunnelProtocol)
    return async (connection, serverGone, dial) =>
      serveSpdy(createWebSocketStream(await accept(connection, chosen)), serverGone, dial);
  const ports = request.query
    .getAll('ports')
    .flatMap((value) => value.split(','))
    .map(Number);
  if (ports.length === 0) throw badRequest('query parameter "ports" is required');
  if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
    throw badRequest('query parameter "ports" must hold port numbers');
  return async (connection, serverGone, dial) =>
    serveChannels(await accept(connection, chosen), ports, serverGone, dial);
}

function accept(connection: UpgradedConnection, protocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: () => protocol,
  });
  const { message } = connection;
  if (protocol === tunnelProtocol) {
    // Its slash has no place in the name of a subprotocol (RFC 6455, 4.1), which is checked: so it is agreed on by hand.
    delete message.headers['sec-websocket-protocol'];
    server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  }
  return new Promise((resolve) => {
    server.handleUpgrade(message, connection.socket, connection.head, resolve);
  });
}

function serveSpdy(socket: Duplex, serverGone: AbortSignal, dial: Dial): Promise<void> {
  return new Promise((resolve) => {
    /** Streams that wait for the other one of their pair, by request. */
    const waiting = new Map<string, { error?: SpdyStream; data?: SpdyStream }>();
    const end = (): void => void socket.destroy();
    socket.on('error', end);
    serverGone.addEventListener('abort', end, { once: true });
    openSpdy(
      socket,
      (stream) => {
        const { streamtype: type = '', port = '', requestid = '' } = stream.headers;
        if (type !== 'error' && type !== 'data') {
          stream.abort('PROTOCOL_ERROR');
          return;
        }
        // Clients older than request ids use each port once.
        const key = requestid || port;
        const pair = { ...waiting.get(key), [type]: stream };
        waiting.set(key, pair);
        stream.once('close', () => {
          if (waiting.get(key)?.[type] === stream) waiting.delete(key);
        });
        if (pair.error === undefined || pair.data === undefined) return;
        waiting.delete(key);
        pair.error.resume();
        void join(pair.data, pair.error, Number(port), dial);
      },
      () => {
        serverGone.removeEventListener('abort', end);
        resolve();
      },
    );
  });
}

/** Connects the client's data with the pod's port; a refusal is written to `error`. */
async function join(data: Duplex, error: Writable, port: number, dial: Dial): Promise<void> {
  let target: Duplex;
  try {
    target = await dial(port);
  } catch (failure) {
    error.end((failure as Error).message);
    data.end();
    data.resume();
    return;
  }
  const end = (): void => {
    target.destroy();
    if (!data.destroyed) data.end();
    if (!error.writableEnded) error.end();
  };
  target.on('error', end);
  target.once('close', end);
  data.on('error', end);
  data.once('close', end);
  data.pipe(target);
  target.pipe(data);
}

/** Channel 2i is the data of the i-th port, 2i+1 its errors; each begins with the port, two bytes, the low one first. */
async function serveChannels(
  socket: WebSocket,
  ports: readonly number[],
  serverGone: AbortSignal,
  dial: Dial,
): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const end = (): void => socket.close(1001);
  serverGone.addEventListener('abort', end, { once: true });
  socket.on('error', () => socket.terminate());
  const send = (channel: number, bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (socket.readyState !== socket.OPEN) resolve();
      else socket.send(Buffer.concat([Buffer.of(channel), bytes]), () => resolve());
    });
  const inner = ports.map((port, index) => {
    const [ours, theirs] = createDuplexPair();
    const bytes = Buffer.of(port & 0xff, port >> 8);
    void send(2 * index, bytes);
    void send(2 * index + 1, bytes);
    const [told, error] = createDuplexPair();
    told.on('data', (chunk: Buffer) => void send(2 * index + 1, chunk));
    ours.on('data', (chunk: Buffer) => {
      ours.pause();
      void send(2 * index, chunk).then(() => ours.resume());
    });
    ours.on('end', end);
    void join(theirs, error, port, dial);
    return ours;
  });
  socket.on('message', (data) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const channel = message[0] ?? 1;
    const to = channel % 2 === 0 ? inner[channel / 2] : undefined;
    if (to === undefined || message.length === 1 || to.writableEnded) return;
    if (!to.write(message.subarray(1))) {
      socket.pause();
      to.once('drain', () => socket.resume());
    }
  });
  await closed;
  serverGone.removeEventListener('abort', end);
  for (const stream of inner) stream.destroy();
}
