/** `/debug/pprof/` of a process, when it is asked for: CPU and heap profiles of V8 under the paths and in the format of Go's. */
import { createServer, type ServerResponse } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { parseBindAddress } from './bind-address.ts';
import { type CpuProfile, cpuPprof, type HeapNode, heapPprof } from './pprof.ts';

export interface Profiling {
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

/** A profile is kept in memory while it grows. */
const maxSeconds = 300;

/** What is allocated is sampled from now on. Rejects when the address is none, or taken. */
export async function serveProfiling(bindAddress: string, clock: Clock = systemClock): Promise<Profiling> {
  const at = parseBindAddress(bindAddress);
  if (at === undefined) throw new Error(`--profiling-bind-address: ${JSON.stringify(bindAddress)} is no address`);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('HeapProfiler.startSampling');
  const stopping = new AbortController();
  let profiling = false;

  const cpu = async (query: URLSearchParams, response: ServerResponse): Promise<void> => {
    const seconds = Number(query.get('seconds') ?? 30);
    if (!(seconds > 0) || seconds > maxSeconds)
      return plain(response, 400, `seconds must be above 0 and at most ${maxSeconds}`);
    if (profiling) return plain(response, 500, 'Could not enable CPU profiling: cpu profiling already in use');
    profiling = true;
    try {
      const startedAt = clock.now();
      await session.post('Profiler.start');
      // Who hangs up gets nothing, and the next may ask.
      await clock.sleep(seconds * 1000, AbortSignal.any([stopping.signal, closed(response)])).catch(() => {});
      const { profile } = await session.post('Profiler.stop');
      send(response, 'profile', cpuPprof(profile as CpuProfile, startedAt));
    } finally {
      profiling = false;
    }
  };
  const answer = async (url: URL, response: ServerResponse): Promise<void> => {
    switch (url.pathname) {
      case '/debug/pprof':
      case '/debug/pprof/':
        return plain(response, 200, 'profiles: cmdline, heap, profile (CPU, ?seconds=30)');
      case '/debug/pprof/cmdline':
        return plain(response, 200, [process.argv0, ...process.argv.slice(1)].join('\0'), '');
      case '/debug/pprof/profile':
        return cpu(url.searchParams, response);
      case '/debug/pprof/heap': {
        const { profile } = await session.post('HeapProfiler.getSamplingProfile');
        return send(response, 'heap', heapPprof(profile.head as HeapNode, clock.now()));
      }
      default:
        return plain(response, 404, 'Unknown profile');
    }
  };
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(response, 405, 'Method Not Allowed');
    void answer(new URL(request.url ?? '/', 'http://localhost'), response).catch((error: Error) =>
      plain(response, 500, error.message),
    );
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(at.port, at.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    session.disconnect();
    throw error;
  }
  return {
    address: server.address() as AddressInfo,
    async stop() {
      stopping.abort();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      session.disconnect();
    },
  };
}

function closed(response: ServerResponse): AbortSignal {
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  return abort.signal;
}

function plain(response: ServerResponse, status: number, text: string, end = '\n'): void {
  const type = 'text/plain; charset=utf-8';
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(`${text}${end}`);
}

function send(response: ServerResponse, name: string, body: Buffer): void {
  response
    .writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${name}"`,
      'x-content-type-options': 'nosniff',
    })
    .end(body);
}
