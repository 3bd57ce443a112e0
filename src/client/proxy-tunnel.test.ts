import { createServer as createHttpServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startConnectProxy, startSocksProxy, type TestProxy } from '../../test/support/proxies.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import type { Connection } from './connection.ts';
import { createTransport, type TransportOptions } from './http-transport.ts';
import { readBytes } from './response.ts';

let ca: KeyPair;
let pair: KeyPair;
let other: KeyPair;
const servers = new Map<string, Server>();
const cleanUp: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  other = await createCertificateAuthority({ commonName: 'other', days: 1 });
  const names = { commonName: 's', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], days: 1 };
  pair = await issueCertificate(ca, { ...names, usages: ['server'] });
  servers.set(
    'h2',
    createSecureServer({ ...pair, allowHTTP1: true }, (_, answer) => answer.end('h2')),
  );
  servers.set(
    'https',
    createHttpsServer(pair, (_, answer) => answer.end('https')),
  );
  servers.set(
    'http',
    createHttpServer((_, answer) => answer.end('http')),
  );
  for (const server of servers.values()) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});
afterAll(() => {
  for (const server of servers.values()) server.close();
});

function portOf(name: string): number {
  const address = servers.get(name)?.address();
  if (typeof address !== 'object' || address === null) throw new Error(`${name} does not listen`);
  return address.port;
}

async function get(connection: Partial<Connection>, name: string, options?: TransportOptions): Promise<string> {
  const scheme = name === 'http' ? 'http' : 'https';
  const server = `${scheme}://localhost:${portOf(name)}`;
  const transport = createTransport({ server, ca: ca.cert, ...connection }, options);
  cleanUp.push(() => transport.close());
  const response = await transport.request({ method: 'GET', path: '/' });
  return (await readBytes(response)).toString();
}

const kept = async (proxy: Promise<TestProxy>): Promise<TestProxy> => {
  const started = await proxy;
  cleanUp.push(() => started.stop());
  return started;
};
const withLogin = (proxy: TestProxy, login: string) => proxy.url.replace('://', `://${login}@`);

describe('a server behind a proxy', () => {
  const kinds = ['h2', 'https', 'http'];
  it.each(kinds)('is reached by CONNECT: %s', async (name) => {
    const proxy = await kept(startConnectProxy());
    expect(await get({ proxyUrl: proxy.url }, name)).toBe(name);
    expect(new Set(proxy.asked)).toEqual(new Set([`localhost:${portOf(name)}`]));
  });

  it.each(kinds)('is reached by SOCKS5, which looks names up itself: %s', async (name) => {
    const proxy = await kept(startSocksProxy());
    expect(await get({ proxyUrl: proxy.url }, name)).toBe(name);
    expect(new Set(proxy.asked)).toEqual(new Set([`localhost:${portOf(name)}`]));
  });

  it('is reached by address, too', async () => {
    const proxy = await kept(startSocksProxy());
    const server = `https://127.0.0.1:${portOf('h2')}`;
    expect(await get({ proxyUrl: proxy.url, server }, 'h2')).toBe('h2');
    expect(proxy.asked).toEqual([`127.0.0.1:${portOf('h2')}`]);
    const six = get({ proxyUrl: proxy.url, server: `https://[::1]:${portOf('h2')}` }, 'h2');
    await expect(six).rejects.toThrow();
    expect(proxy.asked.at(-1)).toBe(`0000:0000:0000:0000:0000:0000:0000:0001:${portOf('h2')}`);
  });

  it('is reached through a proxy with a certificate of the same authority, and by no other', async () => {
    const proxy = await kept(startConnectProxy({ tls: pair }));
    expect(await get({ proxyUrl: proxy.url }, 'h2')).toBe('h2');
    const names = { commonName: 's', ipAddresses: ['127.0.0.1'], days: 1, usages: ['server' as const] };
    const strange = await kept(startConnectProxy({ tls: await issueCertificate(other, names) }));
    await expect(get({ proxyUrl: strange.url }, 'h2')).rejects.toThrow(/certificate/);
    expect(strange.asked).toEqual([]);
  });

  it('is checked by its certificate all the same', async () => {
    const proxy = await kept(startConnectProxy());
    await expect(get({ proxyUrl: proxy.url, ca: other.cert }, 'h2')).rejects.toThrow(/certificate/);
  });

  it.each([
    ['CONNECT', startConnectProxy, /407 Proxy Authentication Required/],
    ['SOCKS5', startSocksProxy, /refused the user|closed the connection/],
  ])('needs the login of the proxy, which no message tells: %s', async (_, start, refusal) => {
    const proxy = await kept(start({ login: 'jo:se@cret' }));
    expect(await get({ proxyUrl: withLogin(proxy, 'jo:se%40cret') }, 'h2')).toBe('h2');
    const wrong = get({ proxyUrl: withLogin(proxy, 'jo:hidden') }, 'h2');
    await expect(wrong).rejects.toThrow(refusal);
    await expect(wrong).rejects.not.toThrow(/hidden/);
  });

  it('is asked for with the headers that the proxy wants', async () => {
    const proxy = await kept(startConnectProxy());
    await get({ proxyUrl: proxy.url, proxyHeaders: { 'x-tenant': ['a', 'b'] } }, 'h2');
    expect(proxy.headers['x-tenant']).toBe('a, b');
    expect(proxy.headers.authorization).toBeUndefined();
  });
});

describe('a proxy that does not help', () => {
  it('is named when it is not there, refuses or cannot reach the server', async () => {
    const gone = await startConnectProxy();
    await gone.stop();
    await expect(get({ proxyUrl: gone.url }, 'h2')).rejects.toThrow(`proxy ${gone.url}: connect ECONNREFUSED`);
    const socks = await kept(startSocksProxy());
    const server = 'https://localhost:1';
    await expect(get({ proxyUrl: socks.url, server }, 'h2')).rejects.toThrow(
      `proxy ${socks.url}: it did not connect to localhost:1: connection refused`,
    );
  });

  it('costs the time-out when it is silent', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    for (const scheme of ['http', 'socks5'])
      await expect(get({ proxyUrl: `${scheme}://127.0.0.1:${port}` }, 'h2', { connectTimeoutMs: 50 })).rejects.toThrow(
        /no connection to localhost:\d+ within 50 ms/,
      );
  });

  it.each([
    ['ftp://a', /the proxy-url ftp:\/\/a is neither/],
    ['nonsense', /not a URL/],
  ])('is refused at once: %s', (proxyUrl, refusal) => {
    expect(() => createTransport({ server: 'https://a', proxyUrl })).toThrow(refusal);
  });
});
