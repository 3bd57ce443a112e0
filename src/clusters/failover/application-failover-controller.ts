/**
 * Moves applications away from clusters in which they have been unhealthy for too long, as their policies ask.
 *
 *   Unhealthy in a target ──▶ timer (in memory) ──tolerationSeconds──▶ eviction task ──▶ the scheduler chooses another
 *                              └── Healthy, Unknown, or no target any more: forgotten
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { type DeepReadonly, objectKey } from '../../apimachinery/object.ts';
import { eventReason } from '../../apis/constants.ts';
import type { ApplicationFailoverBehavior } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import type { Interpreter } from '../../interpreter/interpreter.ts';
import { type BindingKind, bindingKinds, recordOnBoth, updateSpec } from '../bindings.ts';
import { type Eviction, evict } from '../eviction/evict.ts';
import { preservedLabels } from './state-preservation.ts';

type Binding = DeepReadonly<ResourceBinding>;

export interface ApplicationFailoverOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  interpreter: Pick<Interpreter, 'find'>;
  /** By component: upstream's controller name. */
  recorder(component: string): EventRecorder['event'];
  gates: { readonly GracefulEviction: boolean; readonly StatefulFailoverInjection: boolean };
  /** By kind of binding; default 5. */
  workers?: number | undefined;
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
  clock?: Clock | undefined;
}

const defaultTolerationSeconds = 300;

/** One controller a kind of binding. */
export function createApplicationFailoverControllers(options: ApplicationFailoverOptions): Controller[] {
  return bindingKinds(options.client, options.informers).map((kind) => createFor(kind, options));
}

function createFor(kind: BindingKind, options: ApplicationFailoverOptions): Controller {
  const { clock = systemClock, interpreter } = options;
  const name = `${kind.controllerPrefix}-application-failover-controller`;
  const events = { event: options.recorder(name) };
  /** Binding → cluster → since when (ms) the application is unhealthy there. */
  const unhealthySince = new Map<string, Map<string, number>>();

  const controller = createController({
    ...options.controllers,
    name,
    workers: options.workers ?? 5,
    async reconcile(key, signal) {
      const binding = kind.informer.get(key);
      const failover = binding?.spec.failover?.application;
      if (binding === undefined || failover === undefined || !concerns(binding)) {
        unhealthySince.delete(key);
        return undefined;
      }
      const timers = followHealth(binding, unhealthySince.get(key), clock.now());
      if (timers.size === 0) {
        unhealthySince.delete(key);
        return undefined;
      }
      unhealthySince.set(key, timers);
      const toleratedMs = (failover.decisionConditions.tolerationSeconds ?? defaultTolerationSeconds) * 1000;
      const leftMs = (since: number): number => since + toleratedMs - clock.now();
      const due = [...timers].filter(([, since]) => leftMs(since) <= 0).map(([cluster]) => cluster);
      if (due.length > 0) await leave(binding, failover, due, signal);
      for (const cluster of due) timers.delete(cluster);
      const next = Math.min(...[...timers.values()].map(leftMs));
      return Number.isFinite(next) ? { requeueAfter: next } : undefined;
    },
  });

  const concerns = (binding: Binding): boolean =>
    binding.metadata.deletionTimestamp === undefined &&
    (binding.status?.aggregatedStatus?.length ?? 0) > 0 &&
    (!kind.namespaced || binding.spec.propagateDeps === true) &&
    interpreter.find(binding.spec.resource, 'InterpretHealth') !== undefined;

  /** One write for all clusters that are left now. */
  async function leave(
    binding: Binding,
    failover: DeepReadonly<ApplicationFailoverBehavior>,
    clusters: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    try {
      let spec: Binding['spec'] = binding.spec;
      for (const cluster of clusters)
        spec = evict(spec, evictionOf(binding, failover, cluster, name, options.gates)) ?? spec;
      await updateSpec(kind, binding, spec, signal);
    } catch (error) {
      for (const cluster of clusters)
        recordOnBoth(
          events,
          binding,
          'Warning',
          eventReason.evictWorkloadFromClusterFailed,
          `Evict from cluster ${cluster} failed.`,
        );
      throw error;
    }
  }

  const enqueue = (binding: Binding): void => {
    if (binding.spec.failover?.application !== undefined || unhealthySince.has(objectKey(binding)))
      controller.enqueue(objectKey(binding));
  };
  kind.informer.addHandler({
    added: enqueue,
    updated: enqueue,
    deleted: (binding) => void unhealthySince.delete(objectKey(binding)),
  });
  return controller;
}

/** Timers of the targets that are unhealthy and not being left yet; older ones go on. */
export function followHealth(
  { spec, status }: Binding,
  timers: ReadonlyMap<string, number> | undefined,
  now: number,
): Map<string, number> {
  const targets = new Set((spec.clusters ?? []).map(({ name }) => name));
  for (const { fromCluster } of spec.gracefulEvictionTasks ?? []) targets.delete(fromCluster);
  const unhealthy = (status?.aggregatedStatus ?? []).filter(
    ({ clusterName, health }) => health === 'Unhealthy' && targets.has(clusterName),
  );
  return new Map(unhealthy.map(({ clusterName }) => [clusterName, timers?.get(clusterName) ?? now]));
}

/** @throws when the policy asks for what a gate has switched off, or the state to keep cannot be read */
export function evictionOf(
  binding: Binding,
  failover: DeepReadonly<ApplicationFailoverBehavior>,
  cluster: string,
  producer: string,
  gates: ApplicationFailoverOptions['gates'],
): Eviction {
  const { purgeMode = 'Gracefully', gracePeriodSeconds, statePreservation } = failover;
  if (purgeMode !== 'Directly' && !gates.GracefulEviction)
    throw new Error(`GracefulEviction featureGate must be enabled when purgeMode is ${purgeMode}`);
  const eviction: Eviction = { fromCluster: cluster, purgeMode, reason: 'ApplicationFailure', producer };
  if (purgeMode === 'Gracefully' && gracePeriodSeconds !== undefined) eviction.gracePeriodSeconds = gracePeriodSeconds;
  if (purgeMode === 'Never') eviction.suppressDeletion = true;
  if (gates.StatefulFailoverInjection && statePreservation !== undefined && statePreservation.rules.length > 0) {
    const items = binding.status?.aggregatedStatus ?? [];
    eviction.preservedLabelState = preservedLabels(statePreservation, cluster, items);
    eviction.clustersBeforeFailover = (binding.spec.clusters ?? []).map(({ name }) => name);
  }
  return eviction;
}
