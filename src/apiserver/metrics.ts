/** The API server's own numbers, under upstream's names. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestInfo } from './request-info.ts';

export interface ServerMetrics {
  request(info: RequestInfo, code: number, milliseconds: number): void;
  /** Counts a long request; call the result when it is over. */
  longRunning(info: RequestInfo): () => void;
  observeInFlight(read: () => { readOnly: number; mutating: number }): void;
  /** Prometheus text. */
  text(): Promise<string>;
}

const buckets = [0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60];

export function createServerMetrics(): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ['verb', 'group', 'version', 'resource', 'subresource'] as const;
  const total = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests by verb, resource and HTTP code.',
    labelNames: [...labelNames, 'code'],
    registers,
  });
  const duration = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Time to the reply, long requests left out.',
    labelNames: ['verb', 'group', 'resource'],
    buckets,
    registers,
  });
  const long = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Watches and other long requests that are open.',
    labelNames: [...labelNames],
    registers,
  });
  let inFlight = (): { readOnly: number; mutating: number } => ({ readOnly: 0, mutating: 0 });
  new Gauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Requests that are worked on.',
    labelNames: ['request_kind'],
    registers,
    collect() {
      const { readOnly, mutating } = inFlight();
      this.set({ request_kind: 'readOnly' }, readOnly);
      this.set({ request_kind: 'mutating' }, mutating);
    },
  });
  return {
    request(info, code, milliseconds) {
      total.inc({ ...labelsOf(info, code), code: String(code) });
      if (info.verb !== 'watch') {
        const { verb, group, resource } = labelsOf(info, code);
        duration.observe({ verb, group, resource }, milliseconds / 1000);
      }
    },
    longRunning(info) {
      const labels = labelsOf(info, 200);
      long.inc(labels);
      return () => long.dec(labels);
    },
    observeInFlight(read) {
      inFlight = read;
    },
    text: () => registry.metrics(),
  };
}

/** What does not exist must not make new series: unknown resources and paths are counted together. */
function labelsOf(info: RequestInfo, code: number) {
  const { verb, group, version, resource, subresource } = info;
  if (!info.isResource || code === 404 || code === 405 || code === 403 || code === 401)
    return { verb: info.isResource ? verb : 'path', group: '', version: '', resource: '', subresource: '' };
  return { verb, group, version, resource, subresource };
}
