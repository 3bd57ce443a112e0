/** How many requests run, wait, and were refused, and how many may: upstream's names. Nothing is counted here: all is read at a scrape. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ConfiguredLevels } from './configured-levels.ts';
import type { FlowCounts } from './flow-counts.ts';

export interface FlowMetrics {
  observeLevels(levels: ConfiguredLevels): void;
  observeLimits(reads: FlowCounts, writes: FlowCounts, exempt: FlowCounts): void;
}

const prefix = 'apiserver_flowcontrol_';

export function createFlowMetrics(registry: Registry): FlowMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        collect(this);
      },
    });
  const total = (name: string, help: string, labelNames: string[], collect: (counter: Counter) => void) =>
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        collect(this);
      },
    });

  /** By kind of request: whatever is exempt is told apart. */
  function current(read: () => { limited: readonly FlowCounts[]; exempt: readonly FlowCounts[] }): void {
    for (const [name, help, what] of [
      ['apiserver_current_inflight_requests', 'Requests that are worked on.', 'executing'],
      ['apiserver_current_inqueue_requests', 'Requests that wait.', 'waiting'],
    ] as const)
      gauge(name, help, ['request_kind'], (metric) => {
        const { limited, exempt } = read();
        const sum = (all: readonly FlowCounts[], kind: 0 | 1) => all.reduce((n, counts) => n + counts[what][kind], 0);
        metric.set({ request_kind: 'readOnly' }, sum(limited, 0));
        metric.set({ request_kind: 'mutating' }, sum(limited, 1));
        metric.set({ request_kind: 'exempt' }, sum(exempt, 0) + sum(exempt, 1));
      });
  }

  return {
    observeLimits(reads, writes, exempt) {
      current(() => ({ limited: [reads, writes], exempt: [exempt] }));
      total('apiserver_dropped_requests_total', 'Requests refused with 429.', ['request_kind'], (metric) => {
        const sum = ({ refused }: FlowCounts) => [...refused.values()].reduce((a, b) => a + b, 0);
        metric.inc({ request_kind: 'readOnly' }, sum(reads));
        metric.inc({ request_kind: 'mutating' }, sum(writes));
      });
    },
    observeLevels(levels) {
      const bySchema = () =>
        [...levels.schemas()].map(({ name, level, counts }) => ({
          labels: { flow_schema: name, priority_level: level.name },
          exempt: level.exempt,
          counts,
        }));
      current(() => {
        const all = bySchema();
        const of = (wanted: boolean) => all.filter(({ exempt }) => exempt === wanted).map(({ counts }) => counts);
        return { limited: of(false), exempt: of(true) };
      });
      const schemaLabels = ['flow_schema', 'priority_level'];
      total(`${prefix}dispatched_requests_total`, 'Requests that were begun.', schemaLabels, (metric) => {
        for (const { labels, counts } of bySchema()) metric.inc(labels, counts.dispatched);
      });
      total(`${prefix}rejected_requests_total`, 'Requests refused with 429.', [...schemaLabels, 'reason'], (metric) => {
        for (const { labels, counts } of bySchema())
          for (const [reason, count] of counts.refused) metric.inc({ ...labels, reason }, count);
      });
      for (const [name, help, what] of [
        ['current_executing_requests', 'Requests that are worked on.', 'executing'],
        ['current_inqueue_requests', 'Requests that wait.', 'waiting'],
      ] as const)
        gauge(prefix + name, help, schemaLabels, (metric) => {
          for (const { labels, counts } of bySchema()) metric.set(labels, counts[what][0] + counts[what][1]);
        });
      for (const [name, help, seats] of [
        ['nominal_limit_seats', 'Places that are the share of the level.', 'nominal'],
        ['lower_limit_seats', 'Places that the level never lends.', 'min'],
        ['upper_limit_seats', 'Places that the level has at most, with those it borrows.', 'max'],
      ] as const)
        gauge(prefix + name, help, ['priority_level'], (metric) => {
          for (const level of levels.levels())
            if (!level.exempt) metric.set({ priority_level: level.name }, level.seats[seats]);
        });
      gauge(`${prefix}current_limit_seats`, 'Places that the level may use now.', ['priority_level'], (metric) => {
        for (const { name, exempt, queue } of levels.levels())
          if (!exempt) metric.set({ priority_level: name }, queue.running + queue.free());
      });
    },
  };
}
