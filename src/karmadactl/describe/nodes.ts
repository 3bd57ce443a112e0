/** Nodes, with the pods on them and what those ask for. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { formatQuantity, milliValue, type Quantity, wholeValue, zeroQuantity } from '../../apimachinery/quantity.ts';
import { isStatus } from '../../apimachinery/status-error.ts';
import { age } from '../../kubernetes/printing/formats.ts';
import { type Amounts, addAmounts, amountsOf } from '../../kubernetes/quota/amounts.ts';
import { podAmounts } from '../../kubernetes/quota/pod-amounts.ts';
import { leases, pods } from '../../kubernetes/resource-types.ts';
import type { Lease, Node, Pod } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import type { Related } from './related.ts';
import {
  block,
  head,
  labelsAndAnnotations,
  optionalText,
  type Quantities,
  quantityLines,
  sortedKeys,
  table,
  timeText,
} from './texts.ts';

export async function describeNode(page: Page, node: Node, related: Related): Promise<void> {
  const { metadata, spec, status } = node;
  const running = await podsOn(metadata.name ?? '', related);
  head(page, node, false);
  page.line(0, 'Roles:', optionalText(rolesOf(node).join(','), '<none>'));
  labelsAndAnnotations(page, node);
  page.line(0, 'CreationTimestamp:', timeText(metadata.creationTimestamp));
  block(page, 'Taints', taintTexts(spec?.taints));
  page.line(0, 'Unschedulable:', String(spec?.unschedulable ?? false));
  await leaseLines(page, metadata.name ?? '', related);
  conditions(page, status?.conditions);
  page.line(0, 'Addresses:');
  for (const { type, address } of status?.addresses ?? []) page.line(1, `${type}:`, address);
  resources(page, 'Capacity', status?.capacity);
  resources(page, 'Allocatable', status?.allocatable);
  systemInfo(page, status?.nodeInfo);
  if (spec?.podCIDR) page.line(0, 'PodCIDR:', spec.podCIDR);
  if (spec?.podCIDRs?.length) page.line(0, 'PodCIDRs:', spec.podCIDRs.join(','));
  if (spec?.providerID) page.line(0, 'ProviderID:', spec.providerID);
  if (running === undefined) page.line(0, 'Pods:', 'not authorized');
  else usage(page, node, running, related.now);
}

/** `undefined` for users who may see nodes and no pods. */
function podsOn(node: string, related: Related): Promise<Pod[] | undefined> {
  const fieldSelector = `spec.nodeName=${node},status.phase!=Succeeded,status.phase!=Failed`;
  return related.list<Pod>(pods, { fieldSelector }).catch((error) => {
    if (isStatus(error, 'Forbidden')) return undefined;
    throw error;
  });
}

function rolesOf({ metadata }: Node): string[] {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(prefix)) return key === prefix ? [] : [key.slice(prefix.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return [...new Set(roles)].sort();
}

function taintTexts(taints: readonly core.Taint[] | undefined): string[] {
  const order = ({ effect, key }: core.Taint): string => `${effect},${key}`;
  return (taints ?? [])
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}`);
}

async function leaseLines(page: Page, name: string, related: Related): Promise<void> {
  try {
    const { spec } = await related.get<Lease>(leases, { namespace: 'kube-node-lease', name });
    page.line(0, 'Lease:');
    page.line(1, 'HolderIdentity:', spec?.holderIdentity ?? '<unset>');
    page.line(1, 'AcquireTime:', spec?.acquireTime ? timeText(spec.acquireTime) : '<unset>');
    page.line(1, 'RenewTime:', spec?.renewTime ? timeText(spec.renewTime) : '<unset>');
  } catch (error) {
    page.line(0, 'Lease:', `Failed to get lease: ${(error as Error).message}`);
  }
}

function conditions(page: Page, list: readonly core.NodeCondition[] | undefined): void {
  if (!list?.length) return;
  page.line(0, 'Conditions:');
  table(
    page,
    ['Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message'],
    list.map(({ type, status, lastHeartbeatTime, lastTransitionTime, reason = '', message = '' }) => [
      `${type} `,
      `${status} `,
      `${timeText(lastHeartbeatTime)} `,
      `${timeText(lastTransitionTime)} `,
      `${reason} `,
      message,
    ]),
  );
}

function resources(page: Page, title: string, list: Quantities): void {
  if (Object.keys(list ?? {}).length === 0) return;
  page.line(0, `${title}:`);
  quantityLines(page, 1, list);
}

function systemInfo(page: Page, info: core.NodeSystemInfo | undefined): void {
  page.line(0, 'System Info:');
  page.line(1, 'Machine ID:', info?.machineID ?? '');
  page.line(1, 'System UUID:', info?.systemUUID ?? '');
  page.line(1, 'Boot ID:', info?.bootID ?? '');
  page.line(1, 'Kernel Version:', info?.kernelVersion ?? '');
  page.line(1, 'OS Image:', info?.osImage ?? '');
  page.line(1, 'Operating System:', info?.operatingSystem ?? '');
  page.line(1, 'Architecture:', info?.architecture ?? '');
  page.line(1, 'Container Runtime Version:', info?.containerRuntimeVersion ?? '');
  page.line(1, 'Kubelet Version:', info?.kubeletVersion ?? '');
  page.line(1, 'Kube-Proxy Version:', info?.kubeProxyVersion ?? '');
}

function usage(page: Page, { status }: Node, running: readonly Pod[], now: number): void {
  const allocatable = status?.allocatable ?? status?.capacity ?? {};
  const offered = amountsOf(allocatable);
  const share = (amounts: Amounts, name: string): string => shareText(amounts.get(name), offered.get(name), name);
  const totals = { requests: new Map(), limits: new Map() } satisfies Record<string, Amounts>;
  page.line(0, 'Non-terminated Pods:', `(${running.length} in total)`);
  const heads = ['Namespace', 'Name', '', 'CPU Requests', 'CPU Limits', 'Memory Requests', 'Memory Limits', 'Age'];
  const rows = running.map(({ metadata, spec }) => {
    const [requests, limits] = [podAmounts(spec, 'requests'), podAmounts(spec, 'limits')];
    addAmounts(totals.requests, requests);
    addAmounts(totals.limits, limits);
    return [
      metadata.namespace ?? '',
      metadata.name ?? '',
      '',
      share(requests, 'cpu'),
      share(limits, 'cpu'),
      share(requests, 'memory'),
      share(limits, 'memory'),
      age(metadata.creationTimestamp, now),
    ];
  });
  table(page, heads, rows);
  page.line(0, 'Allocated resources:');
  page.line(1, '(Total limits may be over 100 percent, i.e., overcommitted.)');
  const names = sortedKeys(allocatable);
  const shared = ['cpu', 'memory', 'ephemeral-storage', ...names.filter(isHugePages)];
  const extended = names.filter((name) => !shared.includes(name) && name !== 'pods');
  table(
    page,
    ['Resource', 'Requests', 'Limits'],
    [
      ...shared.map((name) => [name, share(totals.requests, name), share(totals.limits, name)]),
      ...extended.map((name) => [name, amountText(totals.requests.get(name)), amountText(totals.limits.get(name))]),
    ],
  );
}

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

const amountText = (amount: Quantity | undefined): string => formatQuantity(amount ?? zeroQuantity);

/** `250m (6%)`; the percentage is cut. */
function shareText(amount: Quantity | undefined, whole: Quantity | undefined, name: string): string {
  const size = name === 'cpu' ? milliValue : wholeValue;
  const total = size(whole ?? zeroQuantity);
  const percent = total === 0n ? 0n : (size(amount ?? zeroQuantity) * 100n) / total;
  return `${amountText(amount)} (${percent}%)`;
}
