/** How many requests run, wait, and were refused: upstream's names, with this server's three levels. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface FlowMetrics {
  refused(level: string, reason: string): void;
  observe(read: () => Readonly<Record<'exempt' | 'reads' | 'writes', { running: number; waiting: number }>>): void;
}

export function createFlowMetrics(registry: Registry): FlowMetrics {
  const registers = [registry];
  const rejected = new Counter({
    name: 'apiserver_flowcontrol_rejected_requests_total',
    help: 'Requests refused with 429.',
    labelNames: ['priority_level', 'reason'],
    registers,
  });
  return {
    refused: (level, reason) => rejected.inc({ priority_level: level, reason }),
    observe(read) {
      const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void) =>
        new Gauge({
          name,
          help,
          labelNames,
          registers,
          collect() {
            collect(this);
          },
        });
      gauge('apiserver_current_inflight_requests', 'Requests that are worked on.', ['request_kind'], (metric) => {
        const { exempt, reads, writes } = read();
        metric.set({ request_kind: 'readOnly' }, reads.running);
        metric.set({ request_kind: 'mutating' }, writes.running);
        metric.set({ request_kind: 'exempt' }, exempt.running);
      });
      gauge('apiserver_current_inqueue_requests', 'Requests that wait.', ['request_kind'], (metric) => {
        const { exempt, reads, writes } = read();
        metric.set({ request_kind: 'readOnly' }, reads.waiting);
        metric.set({ request_kind: 'mutating' }, writes.waiting);
        metric.set({ request_kind: 'exempt' }, exempt.waiting);
      });
    },
  };
}
