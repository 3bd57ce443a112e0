/**
 * autoscaling/v1 HorizontalPodAutoscalers: the stored v2 objects in the older form, which knows one CPU target; all else of
 * v2 travels in annotations, as upstream's conversion has it.
 */
import type * as v1 from 'kubernetes-types/autoscaling/v1.d.ts';
import type * as v2 from 'kubernetes-types/autoscaling/v2.d.ts';
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { KindBehaviour } from '../kind.ts';
import { horizontalPodAutoscalers } from '../resource-types.ts';
import type { HorizontalPodAutoscaler } from '../types.ts';
import { horizontalPodAutoscaler as current } from './horizontal-pod-autoscaler.ts';
import { metricFromV1, metricStatusFromV1, metricStatusToV1, metricToV1 } from './hpa-v1-metrics.ts';

export const horizontalPodAutoscalerV1: KindBehaviour = {
  storage: { type: horizontalPodAutoscalers, toStorage: toV2, fromStorage: toV1 },
  default(object) {
    const { spec } = object as unknown as v1.HorizontalPodAutoscaler;
    if (spec !== undefined) spec.minReplicas ??= 1;
  },
  validate: (object) => current.validate?.(toV2(cloneJson<Unstructured>(object as Unstructured))) ?? [],
  columns: (current.columns ?? []).map((column) => ({
    ...column,
    cell: (object, now) => column.cell(toV2(cloneJson<Unstructured>(object as Unstructured)), now),
  })),
};

const prefix = 'autoscaling.alpha.kubernetes.io/';
const defaultUtilization = 80;

type Older = Omit<v1.HorizontalPodAutoscaler, 'status' | 'metadata'> & {
  status?: v1.HorizontalPodAutoscalerStatus;
} & Unstructured;

export function toV2(object: Unstructured): Unstructured {
  const { spec, status, ...rest } = object as Older;
  const result = { ...rest, apiVersion: 'autoscaling/v2' } as unknown as HorizontalPodAutoscaler;
  const annotations = { ...object.metadata.annotations };
  const take = (name: string): unknown => {
    const text = annotations[prefix + name];
    delete annotations[prefix + name];
    return text === undefined ? undefined : parsed(text);
  };
  const metrics = listOf(take('metrics')).map(metricFromV1);
  const currentMetrics = listOf(take('current-metrics')).map(metricStatusFromV1);
  const conditions = listOf(take('conditions')) as unknown as v2.HorizontalPodAutoscalerCondition[];
  const behavior = take('behavior') as v2.HorizontalPodAutoscalerBehavior | undefined;
  if (spec !== undefined) {
    const { targetCPUUtilizationPercentage: percent, ...kept } = spec;
    if (percent !== undefined) metrics.unshift(cpuMetric(percent));
    if (metrics.length === 0) metrics.push(cpuMetric(defaultUtilization));
    result.spec = { ...kept, metrics };
    if (behavior !== undefined) result.spec.behavior = behavior;
  }
  if (status !== undefined) {
    const { currentCPUUtilizationPercentage: percent, ...kept } = status;
    if (
      percent !== undefined &&
      !currentMetrics.some(({ type, resource }) => type === 'Resource' && resource?.name === 'cpu')
    ) {
      currentMetrics.unshift({
        type: 'Resource',
        resource: { name: 'cpu', current: { averageUtilization: percent } },
      });
    }
    result.status = { ...kept } as v2.HorizontalPodAutoscalerStatus;
    if (currentMetrics.length > 0) result.status.currentMetrics = currentMetrics;
    if (conditions.length > 0) result.status.conditions = conditions;
  }
  result.metadata = withAnnotations(object.metadata, annotations);
  return result as unknown as Unstructured;
}

export function toV1(object: Unstructured): Unstructured {
  const { spec, status, ...rest } = object as unknown as HorizontalPodAutoscaler;
  const result = { ...rest, apiVersion: 'autoscaling/v1' } as unknown as Older;
  const annotations = { ...object.metadata.annotations };
  if (spec !== undefined) {
    const { metrics = [], behavior, ...kept } = spec;
    result.spec = { ...kept };
    const cpu = metrics.find(isCpuUtilization);
    if (cpu?.resource?.target.averageUtilization !== undefined) {
      result.spec.targetCPUUtilizationPercentage = cpu.resource.target.averageUtilization;
    }
    const others = metrics.filter((metric) => metric !== cpu);
    if (others.length > 0) annotations[`${prefix}metrics`] = JSON.stringify(others.map(metricToV1));
    if (behavior !== undefined) annotations[`${prefix}behavior`] = JSON.stringify(behavior);
  }
  if (status !== undefined) {
    const { currentMetrics = [], conditions = [], ...kept } = status;
    result.status = { ...kept } as v1.HorizontalPodAutoscalerStatus;
    const cpu = currentMetrics.find(
      ({ type, resource }) =>
        type === 'Resource' && resource?.name === 'cpu' && resource.current.averageUtilization !== undefined,
    );
    if (cpu?.resource?.current.averageUtilization !== undefined) {
      result.status.currentCPUUtilizationPercentage = cpu.resource.current.averageUtilization;
    }
    if (currentMetrics.length > 0) {
      annotations[`${prefix}current-metrics`] = JSON.stringify(currentMetrics.map(metricStatusToV1));
    }
    if (conditions.length > 0) annotations[`${prefix}conditions`] = JSON.stringify(conditions);
  }
  result.metadata = withAnnotations(object.metadata, annotations);
  return result as unknown as Unstructured;
}

const cpuMetric = (averageUtilization: number): v2.MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

const isCpuUtilization = ({ type, resource }: v2.MetricSpec): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;

function withAnnotations(
  metadata: Unstructured['metadata'],
  annotations: Record<string, string>,
): Unstructured['metadata'] {
  const { annotations: _old, ...rest } = metadata;
  return Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest;
}

/** What stands in an annotation may be anything: what does not parse is as good as absent. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isObject) : []);
