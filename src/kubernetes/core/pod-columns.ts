/** The row that `kubectl get pods` prints: what is wrong with the pod in one word, and how often it restarted. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { TableColumn } from '../../apimachinery/resource-definition.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { humanDuration } from '../printing/human-duration.ts';
import type { Pod } from '../types.ts';

type ContainerStatus = DeepReadonly<core.ContainerStatus>;
type Typed = DeepReadonly<Pod>;

export interface PodSummary {
  ready: number;
  total: number;
  status: string;
  restarts: number;
  /** Milliseconds since the epoch of the newest known end of a container. */
  lastRestart: number | undefined;
}

export function podSummary({ metadata, spec, status }: Typed): PodSummary {
  const sidecars = new Set(
    (spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always').map(({ name }) => name),
  );
  const initCount = spec?.initContainers?.length ?? 0;
  const conditionTrue = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
  const summary: PodSummary = {
    ready: 0,
    total: (spec?.containers?.length ?? 0) + sidecars.size,
    status: status?.reason || status?.phase || '',
    restarts: 0,
    lastRestart: undefined,
  };
  if (status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')) {
    summary.status = 'SchedulingGated';
  }

  let initializing = false;
  let sidecarRestarts = 0;
  let sidecarLastRestart: number | undefined;
  for (const [i, container] of (status?.initContainerStatuses ?? []).entries()) {
    summary.restarts += container.restartCount ?? 0;
    summary.lastRestart = later(summary.lastRestart, lastEnd(container));
    const sidecar = sidecars.has(container.name);
    if (sidecar) {
      sidecarRestarts += container.restartCount ?? 0;
      sidecarLastRestart = later(sidecarLastRestart, lastEnd(container));
    }
    const { terminated, waiting } = container.state ?? {};
    if (terminated !== undefined && (terminated.exitCode ?? 0) === 0) continue;
    if (sidecar && container.started) {
      if (container.ready) summary.ready++;
      continue;
    }
    if (terminated !== undefined) summary.status = `Init:${terminated.reason || endText(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.status = `Init:${waiting.reason}`;
    else summary.status = `Init:${i}/${initCount}`;
    initializing = true;
    break;
  }

  if (!initializing || conditionTrue('Initialized')) {
    summary.restarts = sidecarRestarts;
    summary.lastRestart = sidecarLastRestart;
    let running = false;
    for (const container of [...(status?.containerStatuses ?? [])].reverse()) {
      summary.restarts += container.restartCount ?? 0;
      summary.lastRestart = later(summary.lastRestart, lastEnd(container));
      const { terminated, waiting } = container.state ?? {};
      if (waiting?.reason) summary.status = waiting.reason;
      else if (terminated !== undefined) summary.status = terminated.reason || endText(terminated);
      else if (container.ready && container.state?.running !== undefined) {
        running = true;
        summary.ready++;
      }
    }
    if (summary.status === 'Completed' && running) summary.status = conditionTrue('Ready') ? 'Running' : 'NotReady';
  }

  if (metadata.deletionTimestamp !== undefined) {
    if (status?.reason === 'NodeLost') summary.status = 'Unknown';
    else if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') summary.status = 'Terminating';
  }
  return summary;
}

const endText = ({ signal, exitCode }: { readonly signal?: number; readonly exitCode: number }): string =>
  signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`;

function lastEnd(container: ContainerStatus): number | undefined {
  const finished = container.lastState?.terminated?.finishedAt;
  return finished === undefined ? undefined : Date.parse(finished);
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}

const { column, wide } = columnsOf<Pod>();

export const podColumns: readonly TableColumn[] = [
  nameColumn,
  column('Ready', (pod) => {
    const { ready, total } = podSummary(pod);
    return `${ready}/${total}`;
  }),
  column('Status', (pod) => podSummary(pod).status),
  column('Restarts', (pod, now) => {
    const { restarts, lastRestart } = podSummary(pod);
    return restarts !== 0 && lastRestart !== undefined
      ? `${restarts} (${humanDuration(now - lastRestart)} ago)`
      : String(restarts);
  }),
  ageColumn,
  wide('IP', ({ status }) => status?.podIPs?.[0]?.ip || '<none>'),
  wide('Node', ({ spec }) => spec?.nodeName || '<none>'),
  wide('Nominated Node', ({ status }) => status?.nominatedNodeName || '<none>'),
  wide('Readiness Gates', ({ spec, status }) => {
    const gates = spec?.readinessGates ?? [];
    if (gates.length === 0) return '<none>';
    const passed = gates.filter(({ conditionType }) =>
      status?.conditions?.some(({ type, status: value }) => type === conditionType && value === 'True'),
    );
    return `${passed.length}/${gates.length}`;
  }),
];
