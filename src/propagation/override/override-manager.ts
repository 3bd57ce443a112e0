/** What override policies make of a template for one cluster, and for which templates a policy matters. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { appliedClusterOverridesAnnotation, appliedOverridesAnnotation, eventReason } from '../../apis/constants.ts';
import { matchesCluster } from '../../apis/match-cluster.ts';
import type {
  ClusterOverridePolicy,
  OverridePolicy,
  Overriders,
  RuleWithCluster,
} from '../../apis/policy/v1alpha1/override-policy.ts';
import type { Informer } from '../../client/informer.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';
import { SelectorIndex, selectingKey } from '../selector-index.ts';
import { applyOverriders } from './apply-overriders.ts';

export type AnyOverridePolicy = DeepReadonly<OverridePolicy | ClusterOverridePolicy>;

export interface OverrideResult {
  manifest: Unstructured;
  /** For the Work: which policies changed the template, and how. Empty when none did. */
  annotations: Record<string, string>;
  /** One for each rule that was applied; told on the template. */
  successes: string[];
}

export interface OverrideManager {
  /**
   * The template as the policies want it for the cluster. The manifest given is not changed.
   * @throws OverrideError when a policy cannot be applied: the cluster then gets nothing new
   */
  apply(manifest: Unstructured, cluster: DeepReadonly<Cluster>): OverrideResult;
}

/** A policy that could not be applied; `told` is the Event's message. */
export class OverrideError extends Error {
  readonly told: string;

  constructor(told: string, cause: Error) {
    super(cause.message, { cause });
    this.told = told;
  }
}

interface Sources {
  overridePolicies: Informer<OverridePolicy>;
  clusterOverridePolicies: Informer<ClusterOverridePolicy>;
}

/** Keeps an index of the policies as the informers tell of them. Cost of `apply`: the policies that may mean the template. */
export function createOverrideManager(sources: Sources): OverrideManager {
  const namespaced = indexOf(sources.overridePolicies);
  const cluster = indexOf(sources.clusterOverridePolicies);
  return {
    apply: (manifest, target) =>
      applyOverridePolicies(manifest, target, {
        namespaced: manifest.metadata.namespace ? namespaced.candidates(manifest) : [],
        cluster: cluster.candidates(manifest),
      }),
  };
}

/** `policies` may hold some that do not mean the manifest; those of namespaces are all of its own. Pure. @throws OverrideError */
export function applyOverridePolicies(
  manifest: Unstructured,
  target: DeepReadonly<Cluster>,
  policies: { namespaced: Iterable<AnyOverridePolicy>; cluster: Iterable<AnyOverridePolicy> },
): OverrideResult {
  const result: OverrideResult = { manifest, annotations: {}, successes: [] };
  // Both choices are made on the template as it came: what one policy changes lets no other in.
  const own = matching(policies.namespaced, manifest);
  applyAll(result, matching(policies.cluster, manifest), target, appliedClusterOverridesAnnotation);
  applyAll(result, own, target, appliedOverridesAnnotation);
  return result;
}

function indexOf(informer: Informer<OverridePolicy>): SelectorIndex<AnyOverridePolicy> {
  const index = new SelectorIndex<AnyOverridePolicy>();
  const set = (policy: AnyOverridePolicy): void => {
    if (policy.metadata.deletionTimestamp !== undefined) index.delete(selectingKey(policy));
    else index.set(policy, selectorsOf(policy));
  };
  informer.addHandler({ added: set, updated: set, deleted: (policy) => index.delete(selectingKey(policy)) });
  return index;
}

/** Undefined: the policy means every template. */
export function selectorsOf(policy: AnyOverridePolicy): AnyOverridePolicy['spec']['resourceSelectors'] {
  const selectors = policy.spec.resourceSelectors;
  return selectors === undefined || selectors.length === 0 ? undefined : selectors;
}

/** Ascending: the most precise is applied last; a policy without selectors is as precise as one that names the kind only. */
function matching(candidates: Iterable<AnyOverridePolicy>, object: DeepReadonly<Unstructured>): AnyOverridePolicy[] {
  const ranked: { policy: AnyOverridePolicy; implicit: number }[] = [];
  for (const policy of candidates) {
    const selectors = selectorsOf(policy);
    const implicit = selectors === undefined ? 1 : highestImplicitPriority(object, selectors);
    if (implicit > 0) ranked.push({ policy, implicit });
  }
  ranked.sort((a, b) => a.implicit - b.implicit || (nameOf(a.policy) < nameOf(b.policy) ? -1 : 1));
  return ranked.map(({ policy }) => policy);
}

function applyAll(
  result: OverrideResult,
  policies: readonly AnyOverridePolicy[],
  cluster: DeepReadonly<Cluster>,
  annotation: string,
): void {
  const applied: { policyName: string; overriders: DeepReadonly<Overriders> }[] = [];
  for (const policy of policies) {
    for (const { targetCluster, overriders } of rulesOf(policy)) {
      if (targetCluster !== undefined && !matchesCluster(targetCluster, cluster)) continue;
      const told = `Apply ${titleOf(policy)} for cluster(${cluster.metadata.name ?? ''})`;
      try {
        result.manifest = applyOverriders(result.manifest, overriders);
      } catch (error) {
        throw new OverrideError(`${told} failed.`, reasonOf(error));
      }
      applied.push({ policyName: nameOf(policy), overriders });
      result.successes.push(`${told} succeed.`);
    }
  }
  if (applied.length === 0) return;
  applied.sort((a, b) => (a.policyName < b.policyName ? -1 : a.policyName > b.policyName ? 1 : 0));
  result.annotations[annotation] = JSON.stringify(applied);
}

function rulesOf({ spec }: AnyOverridePolicy): readonly DeepReadonly<RuleWithCluster>[] {
  if (spec.overrideRules !== undefined && spec.overrideRules.length > 0) return spec.overrideRules;
  // The deprecated form is one rule.
  const overriders = spec.overriders ?? {};
  return [spec.targetCluster === undefined ? { overriders } : { targetCluster: spec.targetCluster, overriders }];
}

/** Why a patch did not apply is in the cause. */
function reasonOf(error: unknown): Error {
  const { cause } = error as Error;
  return cause instanceof Error ? cause : (error as Error);
}

const nameOf = (policy: AnyOverridePolicy): string => policy.metadata.name ?? '';

function titleOf(policy: AnyOverridePolicy): string {
  const { namespace, name = '' } = policy.metadata;
  return namespace ? `override policy(${namespace}/${name})` : `cluster override policy(${name})`;
}

export const overrideEvent = {
  succeed: eventReason.applyOverridePolicySucceed,
  failed: eventReason.applyOverridePolicyFailed,
} as const;
