/** How much of a quota an object takes: one evaluator for Pods, Services, claims, and a counter for every other kind. */
import { groupResource, type ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { compareQuantities, type Quantity, quantityOfWhole, tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../types.ts';
import { type Amounts, amountsOf } from './amounts.ts';
import { listOf, podAmounts } from './pod-amounts.ts';
import { matchesValue, podMatchesScope, type Scope, scopesOf } from './scopes.ts';

export interface Evaluator {
  /** Whether a resource name of a quota is about this kind. */
  covers(name: string): boolean;
  /** `now` in milliseconds: objects that are past their life take less. */
  usage(object: DeepReadonly<Unstructured>, now: number): Amounts;
  matches(object: DeepReadonly<Unstructured>, scope: Scope): boolean;
  /** Updates may take more: a claim that grows, a Service that becomes a NodePort. */
  chargesUpdates: boolean;
  /** What the object must say for these names to be counted; undefined when it says all. */
  missing?(object: DeepReadonly<Unstructured>, names: readonly string[]): string | undefined;
}

export function evaluatorOf(type: Pick<ResourceType, 'group' | 'resource'>): Evaluator {
  const name = groupResource(type);
  const known = special[name] ?? counters.get(name);
  if (known !== undefined) return known;
  const counter = counterOf(name);
  counters.set(name, counter);
  return counter;
}

/** Whether the quota counts the object at all: it names something of the kind, and every scope holds. */
export function quotaMatches(
  evaluator: Evaluator,
  quota: DeepReadonly<ResourceQuota>,
  names: readonly string[],
  object: DeepReadonly<Unstructured>,
): boolean {
  return (
    names.some((name) => evaluator.covers(name)) && scopesOf(quota).every((scope) => evaluator.matches(object, scope))
  );
}

/** The kinds that a resource name of a quota is about, as `resource` or `resource.group`. */
export function quotaResourceOf(name: string): string {
  if (name.startsWith(countPrefix)) return name.slice(countPrefix.length);
  if (legacyCounts.has(name)) return name;
  return Object.entries(special).find(([, evaluator]) => evaluator.covers(name))?.[0] ?? '';
}

const countPrefix = 'count/';
const one = quantityOfWhole(1);
const legacyCounts: ReadonlySet<string> = new Set([
  'configmaps',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
]);
const counters = new Map<string, Evaluator>();

function counterOf(resource: string): Evaluator {
  const names = legacyCounts.has(resource) ? [countPrefix + resource, resource] : [countPrefix + resource];
  return {
    covers: (name) => names.includes(name),
    usage: () => new Map(names.map((name) => [name, one])),
    matches: () => false,
    chargesUpdates: false,
  };
}

const podNames: ReadonlySet<string> = new Set([
  'count/pods',
  'pods',
  ...['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
const hugePages = 'hugepages-';
/** Their absence in a container is an error once a quota counts them. */
const mustBeSaid = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

const podEvaluator: Evaluator = {
  covers: (name) =>
    podNames.has(name) ||
    name.startsWith(hugePages) ||
    name.startsWith(`requests.${hugePages}`) ||
    (name.startsWith('requests.') && name.includes('/')),
  usage(object, now) {
    const pod = object as DeepReadonly<Pod>;
    const usage: Amounts = new Map([['count/pods', one]]);
    if (isOver(pod, now)) return usage;
    usage.set('pods', one);
    return new Map([...usage, ...computeNames(podAmounts(pod.spec, 'requests'), podAmounts(pod.spec, 'limits'))]);
  },
  matches: (object, scope) => podMatchesScope(object as DeepReadonly<Pod>, scope),
  chargesUpdates: false,
  missing(object, names) {
    const required = mustBeSaid.filter((name) => names.includes(name));
    if (required.length === 0) return undefined;
    const { spec } = object as DeepReadonly<Pod>;
    const { resources: whole } = (spec ?? {}) as { readonly resources?: object };
    const ofPod = computeNames(amountsOf(listOf(whole, 'requests')), amountsOf(listOf(whole, 'limits')));
    const lacking = new Map<string, string[]>();
    for (const { name, resources } of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
      const said = computeNames(amountsOf(listOf(resources, 'requests')), amountsOf(listOf(resources, 'limits')));
      for (const resource of required)
        if (!said.has(resource) && !ofPod.has(resource))
          lacking.set(resource, [...(lacking.get(resource) ?? []), name].sort());
    }
    if (lacking.size === 0) return undefined;
    const parts = [...lacking]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, who]) => `${name} for: ${who.join(',')}`);
    return `must specify ${parts.join('; ')}`;
  },
};

/** The names under which requests and limits are counted. */
function computeNames(requests: Amounts, limits: Amounts): Amounts {
  const usage: Amounts = new Map();
  for (const [name, quantity] of requests) {
    if (podNames.has(name) || name.startsWith(hugePages)) usage.set(name, quantity);
    if (podNames.has(name) || name.startsWith(hugePages) || name.includes('/')) usage.set(`requests.${name}`, quantity);
  }
  for (const [name, quantity] of limits) if (podNames.has(name)) usage.set(`limits.${name}`, quantity);
  return usage;
}

/** Has ended, or should have: it takes no compute resources any more. */
function isOver({ metadata, status }: DeepReadonly<Pod>, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = metadata;
  if (deletionTimestamp === undefined || grace === undefined) return false;
  return now > Date.parse(deletionTimestamp) + grace * 1000;
}

const serviceNames: ReadonlySet<string> = new Set([
  'count/services',
  'services',
  'services.nodeports',
  'services.loadbalancers',
]);

const serviceEvaluator: Evaluator = {
  covers: (name) => serviceNames.has(name),
  usage(object) {
    const { spec } = object as DeepReadonly<Service>;
    const usage: Amounts = new Map([
      ['count/services', one],
      ['services', one],
    ]);
    const ports = spec?.ports ?? [];
    if (spec?.type === 'NodePort') usage.set('services.nodeports', quantityOfWhole(ports.length));
    if (spec?.type === 'LoadBalancer') {
      const all = spec.allocateLoadBalancerNodePorts !== false;
      const count = all ? ports.length : ports.filter(({ nodePort }) => (nodePort ?? 0) !== 0).length;
      usage.set('services.loadbalancers', one);
      usage.set('services.nodeports', quantityOfWhole(count));
    }
    return usage;
  },
  matches: () => false,
  chargesUpdates: true,
};

const classInfix = '.storageclass.storage.k8s.io/';
const claims = 'persistentvolumeclaims';
const storage = 'requests.storage';

const claimEvaluator: Evaluator = {
  covers: (name) =>
    name === claims ||
    name === `count/${claims}` ||
    name === storage ||
    name.endsWith(`${classInfix}${claims}`) ||
    name.endsWith(`${classInfix}${storage}`),
  usage(object) {
    const claim = object as DeepReadonly<PersistentVolumeClaim>;
    const { spec } = claim;
    const usage: Amounts = new Map([
      [`count/${claims}`, one],
      [claims, one],
    ]);
    const name =
      spec?.storageClassName ?? claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? '';
    if (name !== '') usage.set(`${name}${classInfix}${claims}`, one);
    const size = claimSize(claim);
    if (size === undefined) return usage;
    usage.set(storage, size);
    if (name !== '') usage.set(`${name}${classInfix}${storage}`, size);
    return usage;
  },
  matches(object, scope) {
    if (scope.scopeName !== 'VolumeAttributesClass') return false;
    const { spec, status } = object as DeepReadonly<PersistentVolumeClaim>;
    const names = [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ].filter((name) => name !== undefined && name !== '');
    if (names.length === 0) return matchesValue(undefined, scope);
    return names.some((name) => matchesValue(name, scope));
  },
  chargesUpdates: true,
};

/** What is asked for, or what a failed expansion still holds where that is more. */
function claimSize({ spec, status }: DeepReadonly<PersistentVolumeClaim>): Quantity | undefined {
  const asked = tryParseQuantity(listOf(spec?.resources, 'requests')?.['storage']);
  const allocated = tryParseQuantity(
    (status?.allocatedResources as { readonly storage?: unknown } | undefined)?.storage,
  );
  if (asked === undefined || allocated === undefined) return asked;
  return compareQuantities(asked, allocated) < 0 ? allocated : asked;
}

const special: { readonly [resource: string]: Evaluator } = {
  pods: podEvaluator,
  services: serviceEvaluator,
  persistentvolumeclaims: claimEvaluator,
};
