/** Metrics of HorizontalPodAutoscalers as they stand in the annotations of the v1 form. */
import type * as v2 from 'kubernetes-types/autoscaling/v2.d.ts';

/** JSON of any shape: annotations are written by users. */
type Loose = Record<string, unknown>;

export function metricToV1({ type, resource, containerResource, pods, object, external }: v2.MetricSpec): Loose {
  return compact({
    type,
    resource: resource && {
      name: resource.name,
      targetAverageUtilization: resource.target.averageUtilization,
      targetAverageValue: resource.target.averageValue,
    },
    containerResource: containerResource && {
      name: containerResource.name,
      targetAverageUtilization: containerResource.target.averageUtilization,
      targetAverageValue: containerResource.target.averageValue,
      container: containerResource.container,
    },
    pods: pods && {
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue,
      selector: pods.metric.selector,
    },
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    },
  });
}

export function metricFromV1(metric: Loose): v2.MetricSpec {
  const { type } = metric;
  const [resource, container, pods, object, external] = sourcesOf(metric);
  return compact({
    type,
    resource: resource && { name: resource['name'], target: resourceTarget(resource) },
    containerResource: container && {
      name: container['name'],
      container: container['container'],
      target: resourceTarget(container),
    },
    pods: pods && {
      metric: { name: pods['metricName'], selector: pods['selector'] },
      target: { type: 'AverageValue', averageValue: pods['targetAverageValue'] },
    },
    object: object && {
      describedObject: object['target'],
      metric: { name: object['metricName'], selector: object['selector'] },
      target: valueTarget(
        object['averageValue'] === undefined ? object['targetValue'] : undefined,
        object['averageValue'],
      ),
    },
    external: external && {
      metric: { name: external['metricName'], selector: external['metricSelector'] },
      target: valueTarget(external['targetValue'], external['targetAverageValue']),
    },
  }) as unknown as v2.MetricSpec;
}

export function metricStatusToV1({
  type,
  resource,
  containerResource,
  pods,
  object,
  external,
}: v2.MetricStatus): Loose {
  return compact({
    type,
    resource: resource && {
      name: resource.name,
      currentAverageUtilization: resource.current.averageUtilization,
      currentAverageValue: resource.current.averageValue,
    },
    containerResource: containerResource && {
      name: containerResource.name,
      currentAverageUtilization: containerResource.current.averageUtilization,
      currentAverageValue: containerResource.current.averageValue,
      container: containerResource.container,
    },
    pods: pods && {
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue,
      selector: pods.metric.selector,
    },
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? '0',
      currentAverageValue: external.current.averageValue,
    },
  });
}

export function metricStatusFromV1(status: Loose): v2.MetricStatus {
  const { type } = status;
  const [resource, container, pods, object, external] = sourcesOf(status);
  const current = (source: Loose) => ({
    averageUtilization: source['currentAverageUtilization'],
    averageValue: source['currentAverageValue'],
  });
  return compact({
    type,
    resource: resource && { name: resource['name'], current: current(resource) },
    containerResource: container && {
      name: container['name'],
      container: container['container'],
      current: current(container),
    },
    pods: pods && {
      metric: { name: pods['metricName'], selector: pods['selector'] },
      current: { averageValue: pods['currentAverageValue'] },
    },
    object: object && {
      describedObject: object['target'],
      metric: { name: object['metricName'], selector: object['selector'] },
      current: { value: object['currentValue'], averageValue: object['averageValue'] },
    },
    external: external && {
      metric: { name: external['metricName'], selector: external['metricSelector'] },
      current: { value: external['currentValue'], averageValue: external['currentAverageValue'] },
    },
  }) as unknown as v2.MetricStatus;
}

function sourcesOf(metric: Loose): (Loose | undefined)[] {
  return ['resource', 'containerResource', 'pods', 'object', 'external'].map((key) => {
    const source = metric[key];
    return typeof source === 'object' && source !== null && !Array.isArray(source) ? (source as Loose) : undefined;
  });
}

function resourceTarget(source: Loose): Loose {
  return source['targetAverageUtilization'] !== undefined
    ? { type: 'Utilization', averageUtilization: source['targetAverageUtilization'] }
    : { type: 'AverageValue', averageValue: source['targetAverageValue'] };
}

const valueTarget = (value: unknown, averageValue: unknown): Loose =>
  averageValue !== undefined ? { type: 'AverageValue', averageValue } : { type: 'Value', value };

/** Without what is undefined, at any depth of plain maps. */
function compact(value: Loose): Loose {
  const result: Loose = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const isMap = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    result[key] = isMap ? compact(inner as Loose) : inner;
  }
  return result;
}
