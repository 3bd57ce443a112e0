/** What LimitRanges set and refuse. Texts are upstream's. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import {
  compareQuantities,
  formatQuantity,
  milliValue,
  type Quantity,
  zeroQuantity,
} from '../../apimachinery/quantity.ts';
import type { LimitRange, PersistentVolumeClaim, Pod, PodSpec } from '../types.ts';
import { amountsOf, type ReadonlyAmounts } from './amounts.ts';
import { listOf, podAmounts } from './pod-amounts.ts';

type Limit = DeepReadonly<core.LimitRangeItem>;

const annotation = 'kubernetes.io/limit-ranger';

/** Fills requests and limits that containers do not have, and says so in an annotation. */
export function setDefaultResources(pod: Pod, range: DeepReadonly<LimitRange>): void {
  const limits: Record<string, unknown> = {};
  const requests: Record<string, unknown> = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    Object.assign(limits, item.default);
    Object.assign(requests, item.defaultRequest);
  }
  const notes: string[] = [];
  const fill = (containers: readonly core.Container[] | undefined, kind: string): void => {
    for (const container of containers ?? []) {
      const setLimits = filled(container, 'limits', limits);
      const setRequests = filled(container, 'requests', requests);
      if (setRequests.length > 0) notes.push(`${setRequests.join(', ')} request for ${kind} ${container.name}`);
      if (setLimits.length > 0) notes.push(`${setLimits.join(', ')} limit for ${kind} ${container.name}`);
    }
  };
  fill(pod.spec?.containers, 'container');
  fill(pod.spec?.initContainers, 'init container');
  if (notes.length === 0) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

/** The names that were set, sorted. */
function filled(container: core.Container, key: 'limits' | 'requests', defaults: Record<string, unknown>): string[] {
  const present = (container.resources?.[key] ?? {}) as Record<string, unknown>;
  const names = Object.keys(defaults).filter((name) => present[name] === undefined);
  if (names.length === 0) return [];
  const set = Object.fromEntries(names.map((name) => [name, defaults[name]]));
  container.resources = { ...container.resources, [key]: { ...present, ...set } };
  return names.sort();
}

export function podLimitErrors(spec: DeepReadonly<PodSpec> | undefined, range: DeepReadonly<LimitRange>): string[] {
  const errors: string[] = [];
  for (const limit of range.spec?.limits ?? []) {
    if (limit.type === 'Container') {
      for (const { resources } of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])])
        errors.push(...check(limit, amountsOf(listOf(resources, 'requests')), amountsOf(listOf(resources, 'limits'))));
    }
    if (limit.type === 'Pod') errors.push(...check(limit, podAmounts(spec, 'requests'), podAmounts(spec, 'limits')));
  }
  return errors;
}

/** Claims have requests only. */
export function claimLimitErrors(
  { spec }: DeepReadonly<PersistentVolumeClaim>,
  range: DeepReadonly<LimitRange>,
): string[] {
  const requests = amountsOf(listOf(spec?.resources, 'requests'));
  const errors: string[] = [];
  for (const limit of range.spec?.limits ?? []) {
    if (limit.type !== 'PersistentVolumeClaim') continue;
    for (const [name, least] of entries(limit.min)) {
      const at = `minimum ${name} usage per ${limit.type} is ${formatQuantity(least)}`;
      const request = requests.get(name);
      if (request === undefined) errors.push(`${at}.  No request is specified`);
      else if (compareQuantities(request, least) < 0) errors.push(`${at}, but request is ${formatQuantity(request)}`);
    }
    for (const [name, most] of entries(limit.max)) {
      const at = `maximum ${name} usage per ${limit.type} is ${formatQuantity(most)}`;
      const request = requests.get(name);
      if (request === undefined) errors.push(`${at}.  No request is specified`);
      else if (compareQuantities(request, most) > 0) errors.push(`${at}, but request is ${formatQuantity(request)}`);
    }
  }
  return errors;
}

function check(limit: Limit, requests: ReadonlyAmounts, limits: ReadonlyAmounts): string[] {
  const errors: string[] = [];
  for (const [name, least] of entries(limit.min)) {
    const at = `minimum ${name} usage per ${limit.type} is ${formatQuantity(least)}`;
    const request = requests.get(name);
    const most = limits.get(name);
    if (request === undefined) errors.push(`${at}.  No request is specified`);
    else if (compareQuantities(request, least) < 0) errors.push(`${at}, but request is ${formatQuantity(request)}`);
    else if (most !== undefined && compareQuantities(most, least) < 0)
      errors.push(`${at}, but limit is ${formatQuantity(most)}`);
  }
  for (const [name, most] of entries(limit.max)) {
    const at = `maximum ${name} usage per ${limit.type} is ${formatQuantity(most)}`;
    const request = requests.get(name);
    const own = limits.get(name);
    if (own === undefined) errors.push(`${at}.  No limit is specified`);
    else if (compareQuantities(own, most) > 0) errors.push(`${at}, but limit is ${formatQuantity(own)}`);
    else if (request !== undefined && compareQuantities(request, most) > 0)
      errors.push(`${at}, but request is ${formatQuantity(request)}`);
  }
  for (const [name, ratio] of entries(limit.maxLimitRequestRatio)) {
    const text = ratioError(name, limit.type, ratio, requests.get(name), limits.get(name));
    if (text !== undefined) errors.push(text);
  }
  return errors;
}

function ratioError(
  name: string,
  type: string,
  ratio: Quantity,
  request: Quantity = zeroQuantity,
  limit: Quantity = zeroQuantity,
): string | undefined {
  const at = `${name} max limit to request ratio per ${type} is ${formatQuantity(ratio)}`;
  if (request.nano === 0n) return `${at}, but no request is specified or request is 0`;
  if (limit.nano === 0n) return `${at}, but no limit is specified or limit is 0`;
  const observed = Number(limit.nano) / Number(request.nano);
  return observed * 1000 > Number(milliValue(ratio))
    ? `${at}, but provided ratio is ${observed.toFixed(6)}`
    : undefined;
}

const entries = (list: { readonly [name: string]: unknown } | undefined): [string, Quantity][] =>
  [...amountsOf(list)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
