/** Proxies in this process that remember who was asked for, and let through whom they know. */
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { KeyPair } from '../../src/component/certificates.ts';

export interface TestProxy {
  url: string;
  /** `host:port` of each connection that was asked for. */
  asked: string[];
  /** Headers of the last CONNECT. */
  headers: IncomingMessage['headers'];
  stop(): Promise<void>;
}

/** By CONNECT; over TLS with a certificate. `login` is `user:password`. */
export async function startConnectProxy(options: { tls?: KeyPair; login?: string } = {}): Promise<TestProxy> {
  const server = options.tls === undefined ? createHttpServer() : createHttpsServer(options.tls);
  const proxy = await listening(server, options.tls === undefined ? 'http' : 'https');
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    proxy.asked.push(request.url ?? '');
    proxy.headers = request.headers;
    client.on('error', () => {});
    const expected = options.login && `Basic ${Buffer.from(options.login).toString('base64')}`;
    if (expected && request.headers['proxy-authorization'] !== expected) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const target = new URL(`tcp://${request.url}`);
    join(client, target.hostname.replace(/^\[|\]$/g, ''), Number(target.port), (upstream) => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
    });
  });
  return proxy;
}

/** SOCKS5, with or without a login. */
export async function startSocksProxy(options: { login?: string } = {}): Promise<TestProxy> {
  const server = createTcpServer((client) => void converse(client).catch(() => client.destroy()));
  const proxy = await listening(server, 'socks5');
  async function converse(client: Socket): Promise<void> {
    client.on('error', () => {});
    const read = reader(client);
    const [, count = 0] = await read(2);
    const methods = [...(await read(count))];
    if (options.login === undefined) client.write(Buffer.from([5, 0]));
    else if (methods.includes(2)) {
      client.write(Buffer.from([5, 2]));
      const user = await read((await read(2))[1] ?? 0);
      const password = await read((await read(1))[0] ?? 0);
      const known = `${user}:${password}` === options.login;
      client.write(Buffer.from([1, known ? 0 : 1]));
      if (!known) return void client.end();
    } else return void client.end(Buffer.from([5, 255]));
    const [, , , kind] = await read(4);
    const host =
      kind === 3
        ? (await read((await read(1))[0] ?? 0)).toString()
        : kind === 1
          ? [...(await read(4))].join('.')
          : (await read(16)).toString('hex').replace(/(.{4})(?!$)/g, '$1:');
    const port = (await read(2)).readUInt16BE();
    proxy.asked.push(`${host}:${port}`);
    const upstream = join(client, host, port, () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])));
    upstream.once('error', () => client.destroyed || client.end(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
  }
  return proxy;
}

async function listening(server: Server, scheme: string): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    headers: {},
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function join(client: Socket, host: string, port: number, opened: (upstream: Socket) => void): Socket {
  const upstream = connect(port, host, () => {
    opened(upstream);
    upstream.pipe(client).pipe(upstream);
  });
  upstream.on('error', () => {});
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const)
    one.once('close', () => setImmediate(() => other.destroy()));
  return upstream;
}

function reader(socket: Socket): (length: number) => Promise<Buffer> {
  return async (length) => {
    if (length === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = socket.read(length) as Buffer | null;
      if (bytes !== null) return bytes;
      if (socket.destroyed || socket.readableEnded) throw new Error('closed');
      await new Promise((resolve) => socket.once('readable', resolve).once('close', resolve));
    }
  };
}
