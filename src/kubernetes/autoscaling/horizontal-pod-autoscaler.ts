/** HorizontalPodAutoscalers (autoscaling/v2): defaults, columns. Rules are in hpa-validation.ts, the v1 form in hpa-v1.ts. */
import type * as v2 from 'kubernetes-types/autoscaling/v2.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, moreText, nameColumn } from '../printing/formats.ts';
import type { HorizontalPodAutoscaler } from '../types.ts';
import { checkAutoscalerSpec } from './hpa-validation.ts';

const { column } = columnsOf<HorizontalPodAutoscaler>();
type Typed = DeepReadonly<HorizontalPodAutoscaler>;

export const horizontalPodAutoscaler: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as HorizontalPodAutoscaler;
    if (spec === undefined) return;
    spec.minReplicas ??= 1;
    if ((spec.metrics ?? []).length === 0) {
      spec.metrics = [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ];
    }
    if (spec.behavior === undefined) return;
    spec.behavior.scaleUp ??= {};
    const up = spec.behavior.scaleUp;
    up.stabilizationWindowSeconds ??= 0;
    up.selectPolicy ??= 'Max';
    up.policies ??= [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ];
    spec.behavior.scaleDown ??= {};
    const down = spec.behavior.scaleDown;
    down.selectPolicy ??= 'Max';
    down.policies ??= [{ type: 'Percent', value: 100, periodSeconds: 15 }];
  },
  validate: (object) => checkAutoscalerSpec((object as Typed).spec),
  columns: [
    nameColumn,
    column('Reference', ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`),
    column('Targets', targetsText),
    column('MinPods', ({ spec }) => (spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas))),
    column('MaxPods', ({ spec }) => spec?.maxReplicas ?? 0),
    column('Replicas', ({ status }) => status?.currentReplicas ?? 0),
    ageColumn,
  ],
};

type Spec = DeepReadonly<v2.MetricSpec>;
type Status = DeepReadonly<v2.MetricStatus> | undefined;

function targetsText({ spec, status }: Typed): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  return moreText(
    metrics.map((metric, i) => targetText(metric, status?.currentMetrics?.[i])),
    2,
    ', ',
  );
}

function targetText(metric: Spec, current: Status): string {
  switch (metric.type) {
    case 'Resource':
      return resourceText(metric.resource, current?.resource?.current);
    case 'ContainerResource':
      return resourceText(metric.containerResource, current?.containerResource?.current);
    case 'Pods':
      return `${current?.pods?.current.averageValue ?? '<unknown>'}/${metric.pods?.target.averageValue ?? ''}`;
    case 'Object':
      return valueText(metric.object?.target, current?.object?.current);
    case 'External':
      return valueText(metric.external?.target, current?.external?.current);
    default:
      return '<unknown type>';
  }
}

type Target = DeepReadonly<v2.MetricTarget> | undefined;
type Value = DeepReadonly<v2.MetricValueStatus> | undefined;

function resourceText(source: { readonly name: string; readonly target: Target } | undefined, current: Value): string {
  const { target } = source ?? {};
  const name = source?.name ?? '';
  if (target?.averageValue !== undefined) {
    return `${name}: ${current?.averageValue ?? '<unknown>'}/${target.averageValue}`;
  }
  const now = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
  const wanted = target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`;
  return `${name}: ${now}/${wanted}`;
}

function valueText(target: Target, current: Value): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`;
  return `${current?.value ?? '<unknown>'}/${target?.value ?? ''}`;
}
