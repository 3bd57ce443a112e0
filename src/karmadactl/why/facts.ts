/** What is known of one template and of everything on its way into members: read once, then looked at by pure functions. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Condition, DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterOfExecutionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { CoreEvent } from '../../kubernetes/types.ts';
import type { Policy } from '../../propagation/detector/policy-index.ts';
import type { AnyOverridePolicy } from '../../propagation/override/override-manager.ts';
import type { DecisionEntry } from '../../scheduler/why/decision-log.ts';

export interface WhyFacts {
  /** In ms. */
  now: number;
  template: DeepReadonly<Unstructured>;
  type: ResourceType;
  /** The template's Namespace; undefined for cluster-scoped templates, and where it is gone. */
  namespace?: DeepReadonly<Unstructured> | undefined;
  /** Of the template's namespace, and all cluster policies. */
  policies: readonly Policy[];
  /** Of the template's namespace, and all cluster policies. */
  overrides: readonly AnyOverridePolicy[];
  clusters: readonly DeepReadonly<Cluster>[];
  binding?: DeepReadonly<ResourceBinding> | undefined;
  works: readonly DeepReadonly<Work>[];
  /** Execution namespaces by the clusters that were looked at; null: there is none. */
  executionSpaces: ReadonlyMap<string, DeepReadonly<Unstructured> | null>;
  /** About the template, its binding and its Works. */
  events: readonly DeepReadonly<CoreEvent>[];
  /** `karmada-scheduler`, `karmada-controller-manager`, and the names of pull clusters: null: there is none. */
  leases: ReadonlyMap<string, DeepReadonly<LeaseLike> | null>;
  decision?: Decision | undefined;
  /** What could not be read, and why. */
  unread: readonly string[];
}

export interface LeaseLike {
  spec?: { renewTime?: string | undefined; leaseDurationSeconds?: number | undefined; holderIdentity?: string };
}

export interface Decision {
  entry: DeepReadonly<DecisionEntry>;
  /** The scheduler's own record, or computed here by the same function. */
  source: 'record' | 'computed';
}

export type Severity = 'stuck' | 'waiting' | 'note';

/** Something that keeps the template from where it should be, or that one should know. */
export interface Problem {
  /** CamelCase, stable: scripts may match on it. */
  cause: string;
  severity: Severity;
  message: string;
  cluster?: string | undefined;
  /** RFC 3339. */
  since?: string | undefined;
  /** A command line. */
  next?: string | undefined;
}

/** A kind of its own has to be brought to the member first; what else is served there is listed. */
export function servingNext({ type }: WhyFacts, cluster: string): string {
  const own = type.group.includes('.') && !/(^|\.)(k8s|karmada)\.io$/.test(type.group);
  return own
    ? `karmadactl get crd ${type.resource}.${type.group} -o yaml | karmadactl apply --all-clusters -f -`
    : `karmadactl api-resources -s members --cluster=${cluster}`;
}

/** The customization that an interpreter's error names, or all there are. */
export function interpreterNext(message = ''): string {
  const named = /ResourceInterpreterCustomization\(([^)]+)\)/.exec(message)?.[1];
  return named === undefined
    ? 'karmadactl get resourceinterpretercustomizations,resourceinterpreterwebhookconfigurations'
    : `karmadactl edit resourceinterpretercustomization ${named}`;
}

/** What is not there after that time is not merely slow. */
const patienceMs = 30_000;

/** `waiting` at first, `stuck` later. */
export function overdue(facts: WhyFacts, since: string | undefined): Severity {
  const at = since === undefined ? Number.NaN : Date.parse(since);
  return facts.now - at < patienceMs ? 'waiting' : 'stuck';
}

/** `unknown` when it could not be read. */
export function heartbeat(facts: WhyFacts, name: string): 'alive' | 'silent' | 'unknown' {
  const lease = facts.leases.get(name);
  if (lease === undefined) return 'unknown';
  const renewed = Date.parse(lease?.spec?.renewTime ?? '');
  const duration = (lease?.spec?.leaseDurationSeconds ?? 15) * 1000;
  return facts.now - renewed <= duration ? 'alive' : 'silent';
}

/** The latest Event with the one reason, unless one with the other came after it. */
export function lastFailure(
  facts: WhyFacts,
  uid: string | undefined,
  failed: string,
  succeeded: string,
): DeepReadonly<CoreEvent> | undefined {
  let last: DeepReadonly<CoreEvent> | undefined;
  for (const event of facts.events) {
    if (uid === undefined || event.involvedObject?.uid !== uid) continue;
    if (event.reason !== failed && event.reason !== succeeded) continue;
    // At the same second the failure counts.
    const difference = last === undefined ? 1 : timeOf(event) - timeOf(last);
    if (difference > 0 || (difference === 0 && event.reason === failed)) last = event;
  }
  return last?.reason === failed ? last : undefined;
}

export const eventTime = (event: DeepReadonly<CoreEvent>): string | undefined =>
  event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;

const timeOf = (event: DeepReadonly<CoreEvent>): number => Date.parse(eventTime(event) ?? '') || 0;

/** The beginning of a condition's state. */
export const sinceOf = (condition: DeepReadonly<Condition> | undefined): string | undefined =>
  condition?.lastTransitionTime;

export const clusterOfWork = (work: DeepReadonly<Work>): string =>
  clusterOfExecutionSpace(work.metadata.namespace ?? '') ?? '';

/** `deployment`, or `deployments.example.io` where the word alone could mean something else. */
export function wordOf({ type }: WhyFacts): string {
  const builtIn = type.group === '' || !type.group.includes('.') || type.group.endsWith('.k8s.io');
  return builtIn ? type.kind.toLowerCase() : `${type.resource}.${type.group}`;
}

/** `deployment web -n default`: arguments of a command. */
export function argumentsOf(facts: WhyFacts): string {
  const { namespace, name } = facts.template.metadata;
  return `${wordOf(facts)} ${name}${namespace ? ` -n ${namespace}` : ''}`;
}

/** `deployment default/web`. */
export function titleOf(facts: WhyFacts): string {
  const { namespace, name } = facts.template.metadata;
  return `${facts.type.kind} ${namespace ? `${namespace}/` : ''}${name}`;
}

/** `propagationpolicy nginx -n default`: arguments of a command. */
export function policyArguments({ kind, name, namespace }: { kind: string; name: string; namespace?: string }): string {
  return `${kind.toLowerCase()} ${name}${namespace ? ` -n ${namespace}` : ''}`;
}

/** `PropagationPolicy default/nginx`. */
export function policyTitle(policy: { kind: string; name: string; namespace?: string }): string {
  return `${policy.kind} ${policy.namespace ? `${policy.namespace}/` : ''}${policy.name}`;
}

/** A single-quoted word of a shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The field as JSON for `patch --type merge`. */
export const mergePatch = (target: string, patch: unknown): string =>
  `karmadactl patch ${target} --type merge -p ${quoted(JSON.stringify(patch))}`;
