import type * as autoscaling from 'kubernetes-types/autoscaling/v2.d.ts';
import type { HorizontalPodAutoscaler } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import { head, labelsAndAnnotations, optionalText, quantityText, table, timeText } from './texts.ts';

export function describeAutoscaler(page: Page, object: HorizontalPodAutoscaler): void {
  const { metadata, spec, status } = object;
  const target = spec?.scaleTargetRef;
  head(page, object);
  labelsAndAnnotations(page, object);
  page.line(0, 'CreationTimestamp:', timeText(metadata.creationTimestamp));
  page.line(0, 'Reference:', `${target?.kind}/${target?.name}`);
  page.line(0, 'Metrics:', '( current / target )');
  for (const [at, metric] of (spec?.metrics ?? []).entries()) {
    const [title, values] = metricTexts(metric, status?.currentMetrics?.[at]);
    page.line(1, title, ...(values === undefined ? [] : [values]));
  }
  page.line(0, 'Min replicas:', optionalText(spec?.minReplicas));
  page.line(0, 'Max replicas:', String(spec?.maxReplicas ?? 0));
  if (spec?.behavior !== undefined) {
    page.line(0, 'Behavior:');
    direction(page, 'Scale Up', spec.behavior.scaleUp);
    direction(page, 'Scale Down', spec.behavior.scaleDown);
  }
  page.line(
    0,
    `${target?.kind} pods:`,
    `${status?.currentReplicas ?? 0} current / ${status?.desiredReplicas ?? 0} desired`,
  );
  if (!status?.conditions?.length) return;
  page.line(0, 'Conditions:');
  table(
    page,
    ['Type', 'Status', 'Reason', 'Message'],
    status.conditions.map(({ type, status: text, reason = '', message = '' }) => [type, text, reason, message]),
  );
}

/** A quantity that a pointer holds: none is `<nil>`. */
const valueText = (value: string | undefined): string => (value === undefined ? '<nil>' : quantityText(value));

type Source = 'resource' | 'containerResource' | 'pods' | 'object' | 'external';

function metricTexts(metric: autoscaling.MetricSpec, status: autoscaling.MetricStatus | undefined): [string, string?] {
  const known = (source: Source, field: 'value' | 'averageValue'): string => {
    const current = status?.[source]?.current;
    return current === undefined ? '<unknown>' : valueText(current[field]);
  };
  const { external, pods, object, resource, containerResource } = metric;
  switch (metric.type) {
    case 'External': {
      const average = external?.target.averageValue;
      const name = JSON.stringify(external?.metric.name);
      if (average === undefined)
        return [`${name} (target value):`, `${known('external', 'value')} / ${valueText(external?.target.value)}`];
      const current = status?.external?.current.averageValue;
      return [
        `${name} (target average value):`,
        `${current === undefined ? '<unknown>' : quantityText(current)} / ${quantityText(average)}`,
      ];
    }
    case 'Pods':
      return [
        `${JSON.stringify(pods?.metric.name)} on pods:`,
        `${known('pods', 'averageValue')} / ${valueText(pods?.target.averageValue)}`,
      ];
    case 'Object': {
      const title = `"${object?.metric.name}" on ${object?.describedObject.kind}/${object?.describedObject.name}`;
      const [kind, field] =
        object?.target.type === 'AverageValue'
          ? (['average value', 'averageValue'] as const)
          : (['value', 'value'] as const);
      return [`${title} (target ${kind}):`, `${known('object', field)} / ${valueText(object?.target[field])}`];
    }
    case 'Resource':
      return resourceTexts(`resource ${resource?.name} on pods`, resource?.target, status?.resource?.current);
    case 'ContainerResource':
      return resourceTexts(
        `resource ${containerResource?.name} of container "${containerResource?.container}" on pods`,
        containerResource?.target,
        status?.containerResource?.current,
      );
    default:
      return [`<unknown metric type ${JSON.stringify(metric.type)}>`];
  }
}

function resourceTexts(
  title: string,
  target: autoscaling.MetricTarget | undefined,
  current: autoscaling.MetricValueStatus | undefined,
): [string, string] {
  if (target?.averageValue !== undefined)
    return [
      `${title}:`,
      `${current === undefined ? '<unknown>' : valueText(current.averageValue)} / ${quantityText(target.averageValue)}`,
    ];
  const now =
    current?.averageUtilization === undefined
      ? '<unknown>'
      : `${current.averageUtilization}% (${valueText(current.averageValue)})`;
  const wanted = target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`;
  return [`${title}  (as a percentage of request):`, `${now} / ${wanted}`];
}

function direction(page: Page, title: string, rules: autoscaling.HPAScalingRules | undefined): void {
  if (rules === undefined) return;
  const { stabilizationWindowSeconds: window, policies = [], selectPolicy = 'Max' } = rules;
  page.line(1, `${title}:`);
  if (window !== undefined) page.line(2, `Stabilization Window: ${window} seconds`);
  if (policies.length === 0) return;
  page.line(2, `Select Policy: ${selectPolicy}`);
  page.line(2, 'Policies:');
  for (const { type, value, periodSeconds } of policies)
    page.line(3, `- Type: ${type}`, `Value: ${value}`, `Period: ${periodSeconds} seconds`);
}
