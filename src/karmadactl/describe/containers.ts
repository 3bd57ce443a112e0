/** Containers of pods and of pod templates. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { milliValue, parseQuantity, tryParseQuantity, wholeValue } from '../../apimachinery/quantity.ts';
import type { Page } from './page.ts';
import { boolText, listText, optionalText, type Quantities, quantityLines, timeText } from './texts.ts';

/** What a field of the pod holds, as an environment variable would; '' where that is not known. */
export type FieldValue = (path: string) => string;

export interface ContainerBlock {
  readonly title: string;
  readonly containers: readonly core.Container[] | undefined;
  readonly statuses?: readonly core.ContainerStatus[] | undefined;
  readonly fieldValue?: FieldValue;
  readonly indent: string;
}

export function containerBlock(
  page: Page,
  { title, containers = [], statuses, fieldValue, indent }: ContainerBlock,
): void {
  page.line(0, `${indent}${title}:${containers.length === 0 ? ' <none>' : ''}`);
  for (const container of containers) {
    const status = statuses?.find(({ name }) => name === container.name);
    page.line(1, `${indent === '' ? '' : ' '}${container.name}:`);
    basics(page, container, status);
    command(page, 'Command', container.command);
    command(page, 'Args', container.args);
    if (status !== undefined) states(page, status);
    resourceBlock(page, 2, container.resources);
    probes(page, container);
    if (container.envFrom?.length) environmentSources(page, container.envFrom);
    environment(page, container, fieldValue);
    mounts(page, container);
  }
}

function basics(
  page: Page,
  { image, ports = [], securityContext }: core.Container,
  status?: core.ContainerStatus,
): void {
  if (status !== undefined) page.line(2, 'Container ID:', status.containerID ?? '');
  page.line(2, 'Image:', image ?? '');
  if (status !== undefined) page.line(2, 'Image ID:', status.imageID);
  const many = ports.length > 1 ? 's' : '';
  const text = (port: (one: core.ContainerPort) => number | undefined): string =>
    optionalText(
      ports.map((one) => `${port(one) ?? 0}/${one.protocol ?? ''}${one.name ? ` (${one.name})` : ''}`).join(', '),
      '<none>',
    );
  page.line(
    2,
    `Port${many}:`,
    text((port) => port.containerPort),
  );
  page.line(
    2,
    `Host Port${many}:`,
    text((port) => port.hostPort),
  );
  seccompLines(page, securityContext?.seccompProfile, 2, 3);
}

export function seccompLines(page: Page, profile: core.SeccompProfile | undefined, level: number, below: number): void {
  if (profile === undefined) return;
  page.line(level, 'SeccompProfile:', profile.type);
  if (profile.type === 'Localhost') page.line(below, 'LocalhostProfile:', profile.localhostProfile ?? '');
}

function command(page: Page, title: string, words: readonly string[] | undefined): void {
  if (!words?.length) return;
  page.line(2, `${title}:`);
  for (const line of words.flatMap((word) => word.split('\n'))) page.line(3, line);
}

function states(page: Page, { state, lastState, ready, restartCount }: core.ContainerStatus): void {
  stateBlock(page, 'State', state);
  if (lastState?.terminated !== undefined) stateBlock(page, 'Last State', lastState);
  page.line(2, 'Ready:', boolText(ready));
  page.line(2, 'Restart Count:', String(restartCount));
}

function stateBlock(page: Page, title: string, state: core.ContainerState | undefined): void {
  if (state?.running !== undefined) {
    page.line(2, `${title}:`, 'Running');
    page.line(3, 'Started:', timeText(state.running.startedAt));
  } else if (state?.terminated !== undefined && state.waiting === undefined) {
    const { reason, message, exitCode, signal, startedAt, finishedAt } = state.terminated;
    page.line(2, `${title}:`, 'Terminated');
    if (reason) page.line(3, 'Reason:', reason);
    if (message) page.line(3, 'Message:', message);
    page.line(3, 'Exit Code:', String(exitCode));
    if (signal) page.line(3, 'Signal:', String(signal));
    page.line(3, 'Started:', timeText(startedAt));
    page.line(3, 'Finished:', timeText(finishedAt));
  } else {
    page.line(2, `${title}:`, 'Waiting');
    if (state?.waiting?.reason) page.line(3, 'Reason:', state.waiting.reason);
  }
}

interface Requirements {
  readonly limits?: Quantities;
  readonly requests?: Quantities;
}

export function resourceBlock(page: Page, level: number, resources: Requirements | undefined): void {
  for (const [title, list] of [
    ['Limits', resources?.limits],
    ['Requests', resources?.requests],
  ] as const) {
    if (list === undefined || Object.keys(list).length === 0) continue;
    page.line(level, `${title}:`);
    quantityLines(page, level + 1, list);
  }
}

function probes(page: Page, { livenessProbe, readinessProbe, startupProbe }: core.Container): void {
  if (livenessProbe !== undefined) page.line(2, 'Liveness:', probeText(livenessProbe));
  if (readinessProbe !== undefined) page.line(2, 'Readiness:', probeText(readinessProbe));
  if (startupProbe !== undefined) page.line(2, 'Startup:', probeText(startupProbe));
}

function probeText(probe: core.Probe): string {
  const { initialDelaySeconds: delay = 0, timeoutSeconds: timeout = 0, periodSeconds: period = 0 } = probe;
  const when = `delay=${delay}s timeout=${timeout}s period=${period}s #success=${probe.successThreshold ?? 0} #failure=${probe.failureThreshold ?? 0}`;
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec !== undefined) return `exec ${listText(exec.command)} ${when}`;
  if (httpGet !== undefined) {
    const { scheme = '', host = '', port, path = '' } = httpGet;
    const address = host.includes(':') ? `[${host}]` : host;
    const slash = path === '' || path.startsWith('/') ? '' : '/';
    return `http-get ${scheme.toLowerCase()}://${address}:${port}${slash}${encodeURI(path).replaceAll('?', '%3F')} ${when}`;
  }
  if (tcpSocket !== undefined) return `tcp-socket ${tcpSocket.host ?? ''}:${tcpSocket.port} ${when}`;
  if (grpc !== undefined) return `grpc <pod>:${grpc.port} ${grpc.service ?? ''} ${when}`;
  return `unknown ${when}`;
}

function environmentSources(page: Page, sources: readonly core.EnvFromSource[]): void {
  page.line(2, 'Environment Variables from:');
  for (const { configMapRef, secretRef, prefix } of sources) {
    const from = configMapRef !== undefined ? 'ConfigMap' : secretRef !== undefined ? 'Secret' : '';
    const ref = configMapRef ?? secretRef;
    const behind = prefix ? ` with prefix '${prefix}'` : '';
    page.line(3, ref?.name ?? '', from + behind, `Optional: ${ref?.optional ?? false}`);
  }
}

function environment(page: Page, container: core.Container, fieldValue: FieldValue | undefined): void {
  const { env = [] } = container;
  page.line(2, 'Environment:', ...(env.length === 0 ? ['<none>'] : []));
  for (const { name, value = '', valueFrom } of env) {
    if (valueFrom === undefined) {
      for (const [at, line] of value.split('\n').entries()) page.line(3, at === 0 ? `${name}:` : '', line);
      continue;
    }
    const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
    if (fieldRef !== undefined)
      page.line(
        3,
        `${name}:`,
        `${fieldValue?.(fieldRef.fieldPath) ?? ''} (${fieldRef.apiVersion ?? ''}:${fieldRef.fieldPath})`,
      );
    else if (resourceFieldRef !== undefined)
      page.line(3, `${name}:`, `${resourceValue(resourceFieldRef, container)} (${resourceFieldRef.resource})`);
    else if (secretKeyRef !== undefined)
      page.line(
        3,
        `${name}:`,
        `<set to the key '${secretKeyRef.key}' in secret '${secretKeyRef.name ?? ''}'>`,
        `Optional: ${secretKeyRef.optional ?? false}`,
      );
    else if (configMapKeyRef !== undefined)
      page.line(
        3,
        `${name}:`,
        `<set to the key '${configMapKeyRef.key}' of config map '${configMapKeyRef.name ?? ''}'>`,
        `Optional: ${configMapKeyRef.optional ?? false}`,
      );
  }
}

/** In units of the divisor, rounded up; '' for what no container has. */
function resourceValue({ resource, divisor }: core.ResourceFieldSelector, container: core.Container): string {
  const [list = '', name = ''] = resource.split(/\.(.*)/s);
  if ((list !== 'limits' && list !== 'requests') || !/^(cpu|memory|ephemeral-storage|hugepages-.+)$/.test(name))
    return '';
  const quantity = tryParseQuantity(container.resources?.[list]?.[name]) ?? parseQuantity('0');
  const given = tryParseQuantity(divisor);
  const unit = given === undefined || given.nano === 0n ? parseQuantity('1') : given;
  const [amount, size] = [quantity, unit].map(name === 'cpu' ? milliValue : wholeValue) as [bigint, bigint];
  const value = (amount + size - 1n) / size;
  return value === 0n && (resource === 'limits.cpu' || resource === 'limits.memory')
    ? 'node allocatable'
    : String(value);
}

function mounts(page: Page, { volumeMounts = [], volumeDevices = [] }: core.Container): void {
  const none = volumeMounts.length === 0 ? ['<none>'] : [];
  page.line(2, 'Mounts:', ...none);
  for (const { mountPath, name, readOnly, subPath } of volumeMounts.toSorted((a, b) =>
    compare(a.mountPath, b.mountPath),
  )) {
    const flags = `${readOnly ? 'ro' : 'rw'}${subPath ? `,path=${JSON.stringify(subPath)}` : ''}`;
    page.line(3, `${mountPath} from ${name} (${flags})`);
  }
  if (volumeDevices.length === 0) return;
  page.line(2, 'Devices:', ...none);
  for (const { devicePath, name } of volumeDevices.toSorted((a, b) => compare(a.devicePath, b.devicePath)))
    page.line(3, `${devicePath} from ${name}`);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
