/** Whether a write fits into a quota, and what it leaves of it. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { compareQuantities } from '../../apimachinery/quantity.ts';
import type { ResourceQuota } from '../types.ts';
import { type Amounts, addAmounts, amountsOf, amountsText, growth, masked, type ReadonlyAmounts } from './amounts.ts';
import { type Evaluator, evaluatorOf, quotaMatches } from './evaluators.ts';

export interface ChargedWrite {
  type: Pick<ResourceType, 'group' | 'resource'>;
  object: DeepReadonly<Unstructured>;
  /** Undefined on create. */
  old: DeepReadonly<Unstructured> | undefined;
}

/** A quota as a batch of writes goes through it: `used` grows with each one that fits. */
export interface OpenQuota {
  readonly quota: DeepReadonly<ResourceQuota>;
  readonly hard: ReadonlyAmounts;
  readonly used: Amounts;
  changed: boolean;
}

export function openQuota(quota: DeepReadonly<ResourceQuota>): OpenQuota {
  const { hard, used } = (quota.status ?? {}) as { readonly hard?: object; readonly used?: object };
  return {
    quota,
    hard: amountsOf(hard as Record<string, string>),
    used: amountsOf(used as Record<string, string>),
    changed: false,
  };
}

/** Charges all quotas that count the object, or none: then the text says why. `now` in milliseconds. */
export function charge(quotas: readonly OpenQuota[], write: ChargedWrite, now: number): string | undefined {
  const evaluator = evaluatorOf(write.type);
  if (write.old !== undefined && !evaluator.chargesUpdates) return undefined;
  const concerned: OpenQuota[] = [];
  for (const open of quotas) {
    const names = [...open.hard.keys()];
    if (!quotaMatches(evaluator, open.quota, names, write.object)) continue;
    const counted = names.filter((name) => evaluator.covers(name));
    const refusal = notCountable(open, evaluator, write.object, counted);
    if (refusal !== undefined) return refusal;
    concerned.push(open);
  }
  if (concerned.length === 0) return undefined;
  const before: ReadonlyAmounts = write.old === undefined ? new Map() : evaluator.usage(write.old, now);
  const delta = growth(evaluator.usage(write.object, now), before);
  if (delta.size === 0) return undefined;
  for (const open of concerned) {
    const refusal = exceeded(open, delta);
    if (refusal !== undefined) return refusal;
  }
  for (const open of concerned) {
    const requested = masked(delta, open.hard);
    if (requested.size === 0) continue;
    addAmounts(open.used, requested);
    open.changed = true;
  }
  return undefined;
}

function notCountable(
  { quota, used }: OpenQuota,
  evaluator: Evaluator,
  object: DeepReadonly<Unstructured>,
  counted: readonly string[],
): string | undefined {
  const { name } = quota.metadata;
  const missing = evaluator.missing?.(object, counted);
  if (missing !== undefined) return `failed quota: ${name}: ${missing}`;
  const unknown = counted.filter((resource) => !used.has(resource)).sort();
  return unknown.length === 0 ? undefined : `status unknown for quota: ${name}, resources: ${unknown.join(',')}`;
}

function exceeded({ quota, hard, used }: OpenQuota, delta: ReadonlyAmounts): string | undefined {
  const requested = masked(delta, hard);
  const total: Amounts = new Map(used);
  addAmounts(total, requested);
  const over = new Set<string>();
  for (const name of requested.keys()) {
    const limit = hard.get(name);
    const sum = total.get(name);
    if (limit !== undefined && sum !== undefined && compareQuantities(sum, limit) > 0) over.add(name);
  }
  if (over.size === 0) return undefined;
  const texts = [requested, used, hard].map((amounts) => amountsText(masked(amounts, over)));
  return `exceeded quota: ${quota.metadata.name}, requested: ${texts[0]}, used: ${texts[1]}, limited: ${texts[2]}`;
}
