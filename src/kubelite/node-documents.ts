/** What a node's kubelet serves over HTTP: its health, its pods, and what they use. */
import { formatTime } from '../apimachinery/clock.ts';
import { nodeIndex } from './controllers/pods-of-node.ts';
import { addUsage, type Usage } from './kubelet/usage.ts';
import type { MetricsSources } from './metrics-api.ts';

interface Document {
  type: string;
  body: string;
}

/** undefined: no such path. */
export function nodeDocument(sources: MetricsSources, node: string, path: string): Document | undefined {
  const json = (value: unknown): Document => ({ type: 'application/json', body: JSON.stringify(value) });
  switch (path.replace(/\/$/, '')) {
    case '/healthz':
      return { type: 'text/plain; charset=utf-8', body: 'ok' };
    case '/pods':
      return json({
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: {},
        items: sources.pods.byIndex(nodeIndex, node),
      });
    case '/stats/summary':
      return json(summary(sources, node));
    default:
      return undefined;
  }
}

function summary(sources: MetricsSources, node: string) {
  const time = formatTime(sources.now());
  const figures = (usage: Usage) => ({
    cpu: { time, usageNanoCores: Number(usage.cpuNano) },
    memory: { time, usageBytes: Number(usage.memoryBytes), workingSetBytes: Number(usage.memoryBytes) },
  });
  let total = sources.nodeOverhead();
  const pods = sources.pods.byIndex(nodeIndex, node).flatMap((pod) => {
    const used = [...(sources.runtimeOf(node)?.usage(pod) ?? [])];
    if (used.length === 0) return [];
    const sum = used.map(([, usage]) => usage).reduce(addUsage);
    total = addUsage(total, sum);
    const { name, namespace, uid } = pod.metadata;
    const startTime = pod.status?.startTime;
    const containers = used.map(([container, usage]) => ({ name: container, startTime, ...figures(usage) }));
    return [{ podRef: { name, namespace, uid }, startTime, containers, ...figures(sum) }];
  });
  return { node: { nodeName: node, ...figures(total) }, pods };
}
