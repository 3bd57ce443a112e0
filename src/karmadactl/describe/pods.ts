/** Pods, and the templates of pods in the kinds that make them. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { qosClassOf } from '../../kubernetes/core/qos.ts';
import { selectorText } from '../../kubernetes/printing/formats.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { terminating } from './claims.ts';
import { containerBlock, resourceBlock, seccompLines } from './containers.ts';
import type { Page } from './page.ts';
import type { Related } from './related.ts';
import { annotationBlock, block, controllerLine, head, labelBlock, labelsAndAnnotations, timeText } from './texts.ts';
import { volumeBlock } from './volumes.ts';

export function describePod(page: Page, pod: Pod, { now }: Related): void {
  const { metadata, spec, status } = pod;
  head(page, pod);
  if (spec?.priority !== undefined) page.line(0, 'Priority:', String(spec.priority));
  if (spec?.priorityClassName) page.line(0, 'Priority Class Name:', spec.priorityClassName);
  if (spec?.runtimeClassName) page.line(0, 'Runtime Class Name:', spec.runtimeClassName);
  if (spec?.serviceAccountName) page.line(0, 'Service Account:', spec.serviceAccountName);
  page.line(0, 'Node:', spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ''}` : '<none>');
  if (status?.startTime !== undefined) page.line(0, 'Start Time:', timeText(status.startTime));
  labelsAndAnnotations(page, pod);
  statusLines(page, pod, now);
  seccompLines(page, spec?.securityContext?.seccompProfile, 0, 0);
  addressLines(page, status);
  controllerLine(page, metadata.ownerReferences);
  if (status?.nominatedNodeName) page.line(0, 'NominatedNodeName:', status.nominatedNodeName);
  const { resources } = (spec ?? {}) as core.Container;
  if (resources !== undefined) {
    page.line(0, 'Resources:');
    resourceBlock(page, 1, resources);
  }
  podContainers(page, pod);
  conditionLines(page, pod);
  volumeBlock(page, spec?.volumes, '');
  page.line(0, 'QoS Class:', status?.qosClass || qosClassOf(spec ?? { containers: [] }));
  labelBlock(page, 'Node-Selectors', spec?.nodeSelector);
  block(page, 'Tolerations', tolerationTexts(spec?.tolerations));
  spreadBlock(page, spec?.topologySpreadConstraints, '');
}

function statusLines(page: Page, { metadata, status }: Pod, now: number): void {
  const { phase = '', reason, message } = status ?? {};
  const ending = phase === 'Failed' || phase === 'Succeeded' ? undefined : terminating(metadata.deletionTimestamp, now);
  page.line(0, 'Status:', ending ?? phase);
  if (ending !== undefined) page.line(0, 'Termination Grace Period:', `${metadata.deletionGracePeriodSeconds ?? 0}s`);
  if (reason) page.line(0, 'Reason:', reason);
  if (message) page.line(0, 'Message:', message);
}

function addressLines(page: Page, status: core.PodStatus | undefined): void {
  page.line(0, 'IP:', status?.podIP ?? '');
  const addresses = status?.podIPs ?? [];
  page.line(0, 'IPs:', ...(addresses.length === 0 ? ['<none>'] : []));
  for (const { ip } of addresses) page.line(1, 'IP:', ip ?? '');
}

function podContainers(page: Page, { metadata, spec, status }: Pod): void {
  // kubectl knows the values of these two fields only.
  const known = new Map([
    ['metadata.name', metadata.name],
    ['metadata.namespace', metadata.namespace],
  ]);
  const shared = { indent: '', fieldValue: (path: string) => known.get(path) ?? '' };
  if (spec?.initContainers?.length)
    containerBlock(page, {
      ...shared,
      title: 'Init Containers',
      containers: spec.initContainers,
      statuses: status?.initContainerStatuses,
    });
  containerBlock(page, {
    ...shared,
    title: 'Containers',
    containers: spec?.containers,
    statuses: status?.containerStatuses,
  });
  if (spec?.ephemeralContainers?.length)
    containerBlock(page, {
      ...shared,
      title: 'Ephemeral Containers',
      containers: spec.ephemeralContainers,
      statuses: status?.ephemeralContainerStatuses,
    });
}

function conditionLines(page: Page, { spec, status }: Pod): void {
  const conditions = status?.conditions ?? [];
  const show = (title: string, rows: readonly (readonly [string, string])[]): void => {
    if (rows.length === 0) return;
    page.line(0, `${title}:`);
    page.line(1, 'Type', 'Status');
    for (const [type, text] of rows) page.line(1, `${type} `, `${text} `);
  };
  show(
    'Readiness Gates',
    (spec?.readinessGates ?? []).map(({ conditionType }) => [
      conditionType,
      conditions.find(({ type }) => type === conditionType)?.status ?? '<none>',
    ]),
  );
  show(
    'Conditions',
    conditions.map(({ type, status: text }) => [type, text]),
  );
}

function tolerationTexts(tolerations: readonly core.Toleration[] | undefined): string[] {
  return (tolerations ?? [])
    .toSorted((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : (a.key ?? '') > (b.key ?? '') ? 1 : 0))
    .map(({ key = '', value = '', effect = '', operator, tolerationSeconds }) => {
      const what = `${key}${value && `=${value}`}${effect && `:${effect}`}`;
      const exists = operator === 'Exists' && value === '' ? (what === '' ? 'op=Exists' : ' op=Exists') : '';
      return `${what}${exists}${tolerationSeconds === undefined ? '' : ` for ${tolerationSeconds}s`}`;
    });
}

function spreadBlock(
  page: Page,
  constraints: readonly core.TopologySpreadConstraint[] | undefined,
  indent: string,
): void {
  if (!constraints?.length) return;
  const texts = constraints
    .toSorted((a, b) => (a.topologyKey < b.topologyKey ? -1 : a.topologyKey > b.topologyKey ? 1 : 0))
    .map(
      ({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) =>
        `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${
          labelSelector === undefined ? '' : ` for selector ${selectorText(labelSelector)}`
        }`,
    );
  block(page, 'Topology Spread Constraints', texts, indent);
}

export function podTemplate(page: Page, template: core.PodTemplateSpec | undefined): void {
  page.line(0, 'Pod Template:');
  if (template === undefined) {
    page.write(1, '<unset>');
    return;
  }
  const { metadata, spec } = template;
  labelBlock(page, '  Labels', metadata?.labels);
  if (Object.keys(metadata?.annotations ?? {}).length > 0)
    annotationBlock(page, '  Annotations', metadata?.annotations);
  if (spec?.serviceAccountName) page.line(1, 'Service Account:', spec.serviceAccountName);
  if (spec?.initContainers?.length)
    containerBlock(page, { title: 'Init Containers', containers: spec.initContainers, indent: '  ' });
  containerBlock(page, { title: 'Containers', containers: spec?.containers, indent: '  ' });
  volumeBlock(page, spec?.volumes, '  ');
  spreadBlock(page, spec?.topologySpreadConstraints, '  ');
  if (spec?.priorityClassName) page.line(1, 'Priority Class Name:', spec.priorityClassName);
  labelBlock(page, '  Node-Selectors', spec?.nodeSelector);
  block(page, '  Tolerations', tolerationTexts(spec?.tolerations));
}
