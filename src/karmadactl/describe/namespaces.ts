/** Namespaces, with the quotas and limits in them. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { formatQuantity, quantityOfWhole, tryParseQuantity, wholeValue } from '../../apimachinery/quantity.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { limitRanges, resourceQuotas } from '../../kubernetes/resource-types.ts';
import type { LimitRange, Namespace, ResourceQuota } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import type { Related } from './related.ts';
import { head, labelsAndAnnotations, type Quantities, quantityText, sortedKeys, table, timeText } from './texts.ts';

export async function describeNamespace(page: Page, object: Namespace, related: Related): Promise<void> {
  const { metadata, status } = object;
  const quotas = await served(related.list<ResourceQuota>(resourceQuotas, { namespace: metadata.name }));
  const limits = await served(related.list<LimitRange>(limitRanges, { namespace: metadata.name }));
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'Status:', status?.phase ?? '');
  if (status?.conditions?.length) {
    page.line(0, 'Conditions:');
    table(
      page,
      ['Type', 'Status', 'LastTransitionTime', 'Reason', 'Message'],
      status.conditions.map(({ type, status: text, lastTransitionTime, reason = '', message = '' }) => [
        type,
        text,
        timeText(lastTransitionTime),
        reason,
        message,
      ]),
    );
  }
  if (quotas !== undefined) quotaBlock(page, quotas);
  if (limits !== undefined) limitBlock(page, limits);
}

/** `undefined` where the server does not know the kind at all, as the control plane of Karmada may not. */
const served = <T>(wanted: Promise<T>): Promise<T | undefined> =>
  wanted.catch((error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });

const scopeTexts: Readonly<Record<string, string>> = {
  Terminating:
    'Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.',
  NotTerminating:
    'Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.',
  BestEffort:
    'Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.',
  NotBestEffort:
    'Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.',
};

function scopeLines(page: Page, level: number, bullet: string, scopes: readonly string[] | undefined): void {
  if (!scopes?.length) return;
  const sorted = scopes.toSorted();
  page.line(level, 'Scopes:', sorted.join(', '));
  for (const text of sorted.map((scope) => scopeTexts[scope])) if (text) page.line(level, bullet + text);
}

function quotaBlock(page: Page, quotas: readonly ResourceQuota[]): void {
  page.line(0, '');
  if (quotas.length === 0) {
    page.line(0, 'No resource quota.');
    return;
  }
  page.line(0, 'Resource Quotas');
  for (const { metadata, spec, status } of quotas) {
    page.line(1, 'Name:', metadata.name ?? '');
    scopeLines(page, 1, '* ', spec?.scopes);
    page.line(1, 'Resource', 'Used', 'Hard');
    // Not as long as the heads: this is how kubectl writes them.
    page.line(1, '--------', '---', '---');
    for (const name of sortedKeys(status?.hard))
      page.line(1, name, quantityText(status?.used?.[name]), quantityText(status?.hard?.[name]));
  }
}

const limitHeads = ['Type', 'Resource', 'Min', 'Max', 'Default Request', 'Default Limit', 'Max Limit/Request Ratio'];

function limitBlock(page: Page, ranges: readonly LimitRange[]): void {
  page.line(0, '');
  if (ranges.length === 0) {
    page.line(0, 'No LimitRange resource.');
    return;
  }
  page.line(0, 'Resource Limits');
  limitTable(page, ranges, ' ');
}

function limitTable(page: Page, ranges: readonly LimitRange[], indent: string): void {
  const rows = [
    limitHeads,
    limitHeads.map((title) => '-'.repeat(title.length)),
    ...ranges.flatMap(({ spec }) => spec?.limits ?? []).flatMap(limitRows),
  ];
  for (const [first = '', ...cells] of rows) page.line(0, indent + first, ...cells);
}

function limitRows({
  type,
  min,
  max,
  defaultRequest,
  default: limit,
  maxLimitRequestRatio,
}: core.LimitRangeItem): string[][] {
  const columns: Quantities[] = [min, max, defaultRequest, limit, maxLimitRequestRatio];
  const resources = new Set(columns.flatMap((column) => Object.keys(column ?? {})));
  return [...resources]
    .sort()
    .map((name) => [
      type,
      name,
      ...columns.map((column) => (column?.[name] === undefined ? '-' : quantityText(column[name]))),
    ]);
}

export function describeLimitRange(page: Page, object: LimitRange): void {
  head(page, object);
  limitTable(page, [object], '');
}

export function describeQuota(page: Page, object: ResourceQuota): void {
  const { spec, status } = object;
  head(page, object);
  scopeLines(page, 0, ' * ', spec?.scopes);
  const rows = sortedKeys(status?.hard).map((name) => [
    name,
    usedText(status?.used?.[name], status?.hard?.[name]),
    quantityText(status?.hard?.[name]),
  ]);
  table(page, ['Resource', 'Used', 'Hard'], rows, 0);
}

/** In the form of the limit. */
function usedText(used: string | undefined, hard: string | undefined): string {
  const [amount, limit] = [tryParseQuantity(used ?? '0'), tryParseQuantity(hard)];
  if (amount === undefined || limit === undefined || amount.format === limit.format) return quantityText(used);
  return formatQuantity(quantityOfWhole(wholeValue(amount), limit.format));
}
