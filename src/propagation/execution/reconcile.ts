/** One Work: what it carries is to be in its member cluster, or no longer. */

import { findCondition, hasCondition, isConditionTrue, setCondition } from '../../apimachinery/conditions.ts';
import { gvkOf, type ResourceType } from '../../apimachinery/group-version.ts';
import type { Condition, DeepReadonly, KubeObject, Unstructured } from '../../apimachinery/object.ts';
import { asStatusError } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  cascadeAnnotation,
  cascadeOrphan,
  clusterReady,
  eventReason,
  executionControllerFinalizer,
  systemLabel,
  systemLabelValue,
  templateUidAnnotation,
  workApplied,
  workAppliedReason,
  workAppliedSuccessMessage,
  workDispatching,
  workDispatchingMessage,
  workDispatchingReason,
} from '../../apis/constants.ts';
import { clusterOfExecutionSpace } from '../../apis/naming.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ReconcileResult } from '../../controller/controller.ts';
import { bindingsOfWork } from '../caches.ts';
import type { RecordEvent, WorkSide } from '../control-plane.ts';
import { type ObjectReport, reportOn } from '../status/work-status.ts';
import { writeChange } from '../write.ts';
import { listPaths } from './field-paths.ts';
import type { ObjectWriter } from './object-writer.ts';
import { UpdateRefused } from './refusal.ts';

export interface ExecutionWorld extends WorkSide {
  writer: ObjectWriter;
  record: RecordEvent;
  /** As `work-status-controller`. Absent: nobody reports what members say. */
  recordStatus?: RecordEvent | undefined;
  /** Whether this process serves the cluster: the controller manager does the Push ones, an agent its own. */
  serves(cluster: DeepReadonly<Cluster>): boolean;
}

type SharedWork = DeepReadonly<Work>;
type NewCondition = Omit<Condition, 'lastTransitionTime'>;

/** A cluster that becomes ready brings its Works back at once; this is for a transition that was missed. */
const notReady: ReconcileResult = { requeueAfter: 30_000 };
/** What was refused is not sent again; whether somebody has cured it in the member is looked at from time to time. */
const refusedBefore: ReconcileResult = { requeueAfter: 10_000 };

export async function reconcileWork(world: ExecutionWorld, key: string): Promise<ReconcileResult> {
  const work = world.caches.works.get(key);
  const name = clusterOfExecutionSpace(work?.metadata.namespace ?? '');
  if (work === undefined || name === undefined) return undefined;
  const cluster = world.caches.clusters.get(name);
  if (cluster === undefined) throw new Error(`cluster(${name}) not found`);
  if (!world.serves(cluster)) return undefined;
  if (work.metadata.deletionTimestamp !== undefined) return await reconcileDeletion(world, work, cluster);

  const dispatching = dispatchingCondition(work);
  const flipped = findCondition(work.status?.conditions, workDispatching)?.status !== dispatching.status;
  if (flipped) world.record(work, 'Normal', eventReason.workDispatching, dispatching.message);
  if (dispatching.status === 'False') {
    await writeConditions(world, work, [dispatching]);
    return undefined;
  }
  if (!isConditionTrue(cluster.status?.conditions, clusterReady)) {
    if (flipped) await writeConditions(world, work, [dispatching]);
    world.logger.debug('Cluster not ready', { work: key, cluster: name });
    return notReady;
  }
  try {
    await world.metrics.syncWorkload(() => applyManifests(world, work, name, flipped ? [dispatching] : []));
  } catch (error) {
    if (error instanceof UpdateRefused) return refusedBefore;
    throw error;
  }
  return undefined;
}

/** `also`: further conditions for the one status write at the end. */
async function applyManifests(
  world: ExecutionWorld,
  work: SharedWork,
  cluster: string,
  also: NewCondition[],
): Promise<void> {
  const manifests = work.spec.workload?.manifests ?? [];
  const failures: Failure[] = [];
  const objects: DeepReadonly<Unstructured>[] = [];
  const adoptions: { manifest: DeepReadonly<Unstructured>; paths: readonly string[] }[] = [];
  let changed = false;
  for (const manifest of manifests) {
    try {
      const type = await typeOf(world, manifest);
      const { wrote, adopted, object } = await world.writer.apply(cluster, type, manifest);
      if (wrote !== 'unchanged') changed = true;
      objects.push(object);
      if (adopted !== undefined) adoptions.push({ manifest, paths: adopted });
    } catch (error) {
      const message = asStatusError(error).message.replace(/^Internal error occurred: /, '');
      failures.push({ manifest, message, refused: error instanceof UpdateRefused });
    }
  }
  for (const { manifest, paths } of adoptions) recordAdoption(world, work, cluster, manifest, paths);
  const { namespace = '', name = '' } = work.metadata;
  if (failures.length > 0) {
    const errors = failures.map(({ message }) => message);
    const text = errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`;
    const message = `Failed to apply all manifests (${manifests.length - failures.length}/${manifests.length}): ${text}`;
    const condition: NewCondition = { type: workApplied, status: 'False', reason: workAppliedReason.failed, message };
    // The same failure again is tried again, but not told again: waiting for a user writes nothing.
    const news = !hasCondition(work.status?.conditions, condition);
    await writeConditions(world, work, [...also, condition]);
    if (news) recordFailure(world, work, cluster, message, failures);
    if (failures.every((failure) => failure.refused)) throw new UpdateRefused(message, undefined);
    throw new Error(message);
  }
  const applied: NewCondition = {
    type: workApplied,
    status: 'True',
    reason: workAppliedReason.successful,
    message: workAppliedSuccessMessage,
  };
  const news = changed || !hasCondition(work.status?.conditions, applied);
  await writeConditions(world, work, [...also, applied], await firstReport(world, work, objects));
  if (!news) return;
  const message = `Sync work(${namespace}/${name}) to cluster(${cluster}) successful.`;
  world.record(work, 'Normal', eventReason.syncSucceed, message);
  for (const manifest of manifests) {
    const what = `Successfully applied resource(${refOf(manifest)}) to cluster ${cluster}`;
    recordOnTemplate(world, manifest, 'Normal', eventReason.syncSucceed, what);
  }
}

function recordFailure(
  world: ExecutionWorld,
  work: SharedWork,
  cluster: string,
  message: string,
  failures: readonly Failure[],
): void {
  const { namespace = '', name = '' } = work.metadata;
  const text = `Failed to sync work(${namespace}/${name}) to cluster(${cluster}), err: ${message}`;
  world.record(work, 'Warning', eventReason.syncFailed, text);
  for (const failure of failures) {
    const what = `Failed to create or update resource(${refOf(failure.manifest)}) in member cluster(${cluster}): ${failure.message}`;
    recordOnTemplate(world, failure.manifest, 'Warning', eventReason.syncFailed, what);
    if (failure.refused) recordOnBindings(world, work, 'Warning', eventReason.syncFailed, what);
  }
}

interface Failure {
  manifest: DeepReadonly<Unstructured>;
  message: string;
  /** For what it says, not for the moment it was sent at. */
  refused: boolean;
}

/** Which fields of somebody's object are others now: named, without values. */
function recordAdoption(
  world: ExecutionWorld,
  work: SharedWork,
  cluster: string,
  manifest: DeepReadonly<Unstructured>,
  paths: readonly string[],
): void {
  const what =
    paths.length === 0 ? "nothing but Karmada's own labels and annotations changed" : `changed: ${listPaths(paths)}`;
  const message = `Took over resource(${refOf(manifest)}) in cluster ${cluster}; ${what}`;
  recordOnTemplate(world, manifest, 'Normal', eventReason.resourceAdopted, message);
  recordOnBindings(world, work, 'Normal', eventReason.resourceAdopted, message);
}

function recordOnBindings(
  world: ExecutionWorld,
  work: SharedWork,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  for (const key of bindingsOfWork(work)) {
    const binding = world.caches.bindings?.get(key) ?? world.caches.clusterBindings?.get(key);
    if (binding !== undefined) world.record(binding, type, reason, message);
  }
}

async function reconcileDeletion(
  world: ExecutionWorld,
  work: SharedWork,
  cluster: DeepReadonly<Cluster>,
): Promise<ReconcileResult> {
  if (!(work.metadata.finalizers ?? []).includes(executionControllerFinalizer)) return undefined;
  const name = cluster.metadata.name ?? '';
  const ready = isConditionTrue(cluster.status?.conditions, clusterReady);
  // A cluster that leaves and cannot be reached keeps what it has.
  const abandoned = !ready && cluster.metadata.deletionTimestamp !== undefined;
  if (!ready && !abandoned) return notReady;
  if (!abandoned) {
    for (const manifest of work.spec.workload?.manifests ?? []) {
      const type = await typeOf(world, manifest);
      if (staysBehind(work, cluster, manifest)) await world.writer.release(name, type, manifest);
      else await world.writer.remove(name, type, manifest);
    }
  }
  await writeChange(world.client.resource<Work>(world.caches.works.type), work, (current) => {
    const finalizers = current.metadata.finalizers ?? [];
    if (!finalizers.includes(executionControllerFinalizer)) return undefined;
    const left = finalizers.filter((finalizer) => finalizer !== executionControllerFinalizer);
    return { ...current, metadata: { ...current.metadata, finalizers: left } };
  });
  return undefined;
}

/** Of a cluster that is unjoined with `--cascade=orphan` all objects stay, but for Karmada's own. */
function staysBehind(work: SharedWork, cluster: DeepReadonly<Cluster>, manifest: DeepReadonly<Unstructured>): boolean {
  if (work.spec.preserveResourcesOnDeletion === true) return true;
  const orphans = cluster.metadata.annotations?.[cascadeAnnotation] === cascadeOrphan;
  return orphans && manifest.metadata.labels?.[systemLabel] !== systemLabelValue;
}

/** By the control plane's discovery: a kind that is not known there cannot be applied. */
async function typeOf(world: ExecutionWorld, manifest: DeepReadonly<Unstructured>): Promise<ResourceType> {
  const type = await world.kinds.find(gvkOf(manifest));
  if (type === undefined) throw new Error(`no matches for kind "${manifest.kind}" in version "${manifest.apiVersion}"`);
  return type;
}

function dispatchingCondition(work: SharedWork): NewCondition {
  return work.spec.suspendDispatching === true
    ? {
        type: workDispatching,
        status: 'False',
        reason: workDispatchingReason.suspended,
        message: workDispatchingMessage.suspended,
      }
    : {
        type: workDispatching,
        status: 'True',
        reason: workDispatchingReason.dispatching,
        message: workDispatchingMessage.dispatching,
      };
}

/**
 * What the member answered tells the first report, which saves a write of its own. From then on the work status controller
 * reports: it hears of what comes later.
 */
async function firstReport(
  { interpreter, recordStatus }: ExecutionWorld,
  work: SharedWork,
  objects: readonly DeepReadonly<Unstructured>[],
): Promise<ObjectReport | undefined> {
  const manifests = work.spec.workload?.manifests ?? [];
  const [manifest] = manifests;
  const [object] = objects;
  if (recordStatus === undefined || work.status?.manifestStatuses !== undefined) return undefined;
  if (manifest === undefined || object === undefined || manifests.length > 1) return undefined;
  try {
    return await reportOn({ interpreter, record: recordStatus }, work, 0, manifest, object);
  } catch {
    return undefined; // told already; the work status controller tries again
  }
}

async function writeConditions(
  world: ExecutionWorld,
  work: SharedWork,
  conditions: readonly NewCondition[],
  report?: ObjectReport,
): Promise<void> {
  let reported = false;
  await writeChange(
    world.client.resource<Work>(world.caches.works.type),
    work,
    (current) => {
      const missing = conditions.filter((condition) => !hasCondition(current.status?.conditions, condition));
      reported = report !== undefined && current.status?.manifestStatuses === undefined;
      if (missing.length === 0 && !reported) return undefined;
      let next = current.status?.conditions;
      for (const condition of missing) next = setCondition(next, condition, world.clock.now());
      const status = { ...current.status, conditions: next ?? [] };
      if (report !== undefined && reported) status.manifestStatuses = [report.status];
      return { ...current, status };
    },
    { subresource: 'status' },
  );
  report?.told(reported);
}

function refOf(manifest: DeepReadonly<Unstructured>): string {
  const { namespace, name = '' } = manifest.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

function recordOnTemplate(
  world: ExecutionWorld,
  manifest: DeepReadonly<Unstructured>,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const uid = manifest.metadata.annotations?.[templateUidAnnotation];
  if (uid === undefined) return;
  const { namespace, name = '' } = manifest.metadata;
  const about: KubeObject = {
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    metadata: { name, uid, ...(namespace ? { namespace } : {}) },
  };
  world.record(about, type, reason, message);
}
