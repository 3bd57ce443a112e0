/** Prometheus metrics: one registry a process, made in src/cmd and passed on. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { versionInfo } from './version.ts';

export { Counter, Gauge, Histogram, Registry };

/** A registry with the process's own metrics (CPU, memory, event-loop lag) and what this build is. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const build = versionInfo();
  const labels = {
    git_version: build.GitVersion,
    git_commit: build.GitCommit,
    git_short_commit: build.GitShortCommit,
    git_tree_state: build.GitTreeState,
    build_date: build.BuildDate,
    go_version: build.GoVersion,
    compiler: build.Compiler,
    platform: build.Platform,
  };
  gauge(
    registry,
    'karmada_build_info',
    'Karmada build metadata exposed as labels with a constant value of 1.',
    Object.keys(labels) as (keyof typeof labels)[],
  ).set(labels, 1);
  return registry;
}

/** Upstream's duration buckets: `count` values from `start` seconds, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}

export function counter<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
): Counter<L> {
  const existing = registry.getSingleMetric(name);
  if (existing !== undefined) return existing as unknown as Counter<L>;
  return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

export function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
): Gauge<L> {
  const existing = registry.getSingleMetric(name);
  if (existing !== undefined) return existing as unknown as Gauge<L>;
  return new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
}

/** Buckets in seconds. */
export function histogram<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  buckets: readonly number[],
): Histogram<L> {
  const existing = registry.getSingleMetric(name);
  if (existing !== undefined) return existing as unknown as Histogram<L>;
  return new Histogram({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [registry] });
}
