/** `pods/eviction`: a delete that respects the PodDisruptionBudget of the Pod. */

import type { Clock } from '../../apimachinery/clock.ts';
import { formatTime } from '../../apimachinery/clock.ts';
import { type LabelSelector, matchesLabels } from '../../apimachinery/label-selector.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { badRequest, notFound, plainError, type StatusError, statusFailure } from '../../apimachinery/status-error.ts';
import { schemaOf } from '../../kubernetes/field-schema.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { decodeBody } from '../decoding.ts';
import type { Catalog } from '../registry/catalog.ts';
import { checkDeleteOptions, type DeleteOptions } from '../registry/deletion.ts';
import type { WriteOptions } from '../registry/registry.ts';
import { overOf } from '../request.ts';
import type { ConnectHandler } from '../server.ts';
import { isDryRun, success } from './status-reply.ts';

export function createEvictionHandler(catalog: Catalog, clock: Clock): ConnectHandler {
  return {
    group: '',
    version: 'v1',
    resource: pods.resource,
    subresource: 'eviction',
    methods: ['POST'],
    kind: evictionKind.kind,
    kindGroupVersion: { group: evictionKind.group, version: evictionKind.version },
    async handle({ request, user, namespace, name, object }) {
      const { object: eviction } = await decodeBody(request, {
        type: evictionKind,
        typed: true,
        schema: schemaOf(evictionKind),
        // What kubectl sends up to 1.21.
        aliases: ['policy/v1beta1'],
      });
      const given = eviction.metadata.name ?? '';
      if (given !== '' && given !== name)
        throw badRequest(`name in URL does not match name in Eviction object: ${name} != ${given}`);
      const deleteOptions = (eviction['deleteOptions'] as DeleteOptions | undefined) ?? {};
      checkDeleteOptions(deleteOptions);
      const dryRun = isDryRun(request) || (deleteOptions.dryRun ?? []).includes('All');
      const write: WriteOptions = {
        user,
        dryRun,
        fieldManager: undefined,
        subresource: '',
        over: overOf(request),
        warn: () => {},
      };
      const registry = catalog.registry(pods);
      if (registry === undefined) throw notFound(pods, name);
      if (!isFree(object as DeepReadonly<Pod>)) await spendBudget(catalog, object as DeepReadonly<Pod>, write, clock);
      await registry.delete({ namespace, name }, deleteOptions, write);
      return { status: 201, headers: { 'content-type': 'application/json' }, body: JSON.stringify(success) };
    },
  };
}

const evictionKind = { group: 'policy', version: 'v1', kind: 'Eviction' };
const budgetType = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };

/** Pods that no budget protects: not running yet, finished, or on their way out. */
function isFree(pod: DeepReadonly<Pod>): boolean {
  const phase = pod.status?.phase;
  return (
    phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
  );
}

interface Budget {
  metadata: { name?: string; namespace?: string; generation?: number };
  spec?: { selector?: LabelSelector; unhealthyPodEvictionPolicy?: string };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    disruptedPods?: Record<string, string>;
  };
}

/** Takes one disruption from the budget, in a write that others cannot overtake. Throws 429 when there is none left. */
async function spendBudget(catalog: Catalog, pod: DeepReadonly<Pod>, write: WriteOptions, clock: Clock): Promise<void> {
  const registry = catalog.registry(budgetType);
  if (registry === undefined) return;
  const namespace = pod.metadata.namespace ?? '';
  const all = (await catalog.reader(budgetType).list(namespace)) as readonly DeepReadonly<Budget>[];
  const matching = all.filter(
    ({ spec }) => spec?.selector !== undefined && matchesLabels(spec.selector, pod.metadata.labels ?? {}),
  );
  if (matching.length > 1)
    throw plainError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  const budget = matching[0];
  if (budget === undefined || isUncounted(pod, budget)) return;
  await registry.update(
    { namespace, name: budget.metadata.name ?? '' },
    {
      ...write,
      subresource: 'status',
      compute: (old) => spent(old as DeepReadonly<Unstructured & Budget>, pod.metadata.name ?? '', clock.now()),
    },
  );
}

/** An unready Pod does not count while enough others are healthy, or when the budget says so. */
function isUncounted(pod: DeepReadonly<Pod>, { spec, status }: DeepReadonly<Budget>): boolean {
  const ready = pod.status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  if (ready === true) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

function spent(old: DeepReadonly<Unstructured & Budget>, pod: string, now: number): Unstructured {
  const { name = '', generation = 0 } = old.metadata;
  const { observedGeneration = 0, disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = old.status ?? {};
  if (observedGeneration < generation)
    throw refused(`The disruption budget ${name} is still being processed by the server.`, 10);
  if (disruptionsAllowed < 1)
    throw refused(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  const next = cloneJson(old) as Unstructured & Budget;
  next.status = {
    ...next.status,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...next.status?.disruptedPods, [pod]: formatTime(now) },
  };
  return next;
}

function refused(message: string, retryAfterSeconds?: number): StatusError {
  return statusFailure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
