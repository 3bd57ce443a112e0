/** The small HTTP server beside every component: health checks and Prometheus metrics, on one address or two. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { type BindAddress, parseBindAddress } from './bind-address.ts';
import type { profilingFlags } from './flag-groups.ts';
import type { FlagValues } from './flags.ts';
import type { Health } from './health.ts';
import type { Profiling } from './profiling.ts';

export interface EndpointOptions {
  /** As of --health-probe-bind-address. */
  healthAddress: string;
  /** As of --metrics-bind-address. */
  metricsAddress: string;
  health: Health;
  registry: Registry;
  /** Of an executable that can be profiled. */
  profiling?: Partial<FlagValues<typeof profilingFlags>> | undefined;
}

export interface Endpoints {
  /** Where it listens; undefined when switched off. */
  readonly health: AddressInfo | undefined;
  readonly metrics: AddressInfo | undefined;
  stop(): Promise<void>;
}

/** Rejects when an address is taken. The same address for both gives one server. */
export async function serveEndpoints(options: EndpointOptions): Promise<Endpoints> {
  const healthAt = parseBindAddress(options.healthAddress);
  const metricsAt = parseBindAddress(options.metricsAddress);
  const shared = options.healthAddress === options.metricsAddress;
  const servers: Server[] = [];
  let profiling: Profiling | undefined;
  const listen = async (address: BindAddress | undefined, health: boolean, metrics: boolean) => {
    if (address === undefined) return undefined;
    const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
      const send = (status: number, type: string, body: string) =>
        response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
      void answer(options, request.url ?? '/', health, metrics).then(
        ({ status, type, body }) => send(status, type, body),
        () => send(500, 'text/plain; charset=utf-8', 'internal error\n'),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address.port, address.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    servers.push(server);
    return server.address() as AddressInfo;
  };
  const stop = async (): Promise<void> => {
    await profiling?.stop();
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  };
  try {
    const health = await listen(healthAt, true, shared);
    const metrics = shared ? health : await listen(metricsAt, false, true);
    const { 'enable-pprof': profiled, 'profiling-bind-address': profilingAddress = ':6060' } = options.profiling ?? {};
    if (profiled === true) profiling = await (await import('./profiling.ts')).serveProfiling(profilingAddress);
    return { health, metrics, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answer(options: EndpointOptions, url: string, health: boolean, metrics: boolean) {
  const text = 'text/plain; charset=utf-8';
  if (metrics && new URL(url, 'http://localhost').pathname === '/metrics') {
    return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
  }
  const found = health ? await options.health.answer(url) : undefined;
  return found === undefined ? { status: 404, type: text, body: '404 page not found\n' } : { ...found, type: text };
}
