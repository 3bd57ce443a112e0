/** What a member says of an object becomes the manifest status of its Work. */

import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { gvkOf } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, deepEqual, objectKey, type Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterReady, eventReason, workApplied } from '../../apis/constants.ts';
import { clusterOfExecutionSpace } from '../../apis/naming.ts';
import type { ResourceHealth } from '../../apis/shared.ts';
import type { ManifestStatus, Work } from '../../apis/work/v1alpha1/work.ts';
import type { RecordEvent, WorkSide } from '../control-plane.ts';
import type { MemberObjects } from '../member-objects.ts';
import { writeChange } from '../write.ts';

export interface WorkStatusWorld extends WorkSide {
  members: MemberObjects;
  record: RecordEvent;
  serves(cluster: DeepReadonly<Cluster>): boolean;
}

type Shared = DeepReadonly<Unstructured>;

/** A Work that is not applied has nothing to report; an object that is not there leaves the last report as it is. */
export async function reconcileWorkStatus(world: WorkStatusWorld, key: string): Promise<void> {
  const work = world.caches.works.get(key);
  const name = clusterOfExecutionSpace(work?.metadata.namespace ?? '');
  if (work === undefined || name === undefined || work.metadata.deletionTimestamp !== undefined) return;
  if (!isConditionTrue(work.status?.conditions, workApplied)) return;
  const cluster = world.caches.clusters.get(name);
  if (cluster === undefined || !world.serves(cluster) || !isConditionTrue(cluster.status?.conditions, clusterReady))
    return;

  const manifests = work.spec.workload?.manifests ?? [];
  for (const [ordinal, manifest] of manifests.entries()) {
    const type = await world.kinds.find(gvkOf(manifest));
    if (type === undefined) continue;
    const informer = await world.members.informer(name, type);
    const object = informer.get(objectKey(manifest));
    // Without it: the informer is still syncing, or the object is gone; its next event comes back here.
    if (object !== undefined) await reportObject(world, work, ordinal, manifest, object);
  }
}

async function reportObject(
  world: WorkStatusWorld,
  work: DeepReadonly<Work>,
  ordinal: number,
  manifest: Shared,
  object: Shared,
): Promise<void> {
  const { status, told } = await reportOn(world, work, ordinal, manifest, object);
  const { changed } = await writeChange(
    world.client.resource<Work>(world.caches.works.type),
    work,
    (current) => {
      // Upstream keeps exactly one item.
      const manifestStatuses = [status];
      if (deepEqual(current.status?.manifestStatuses, manifestStatuses)) return undefined;
      return { ...current, status: { ...current.status, manifestStatuses } };
    },
    { subresource: 'status' },
  );
  told(changed);
}

export interface ObjectReport {
  status: ManifestStatus;
  /** Emits the Events; `news`: the report was written. */
  told(news: boolean): void;
}

type Reporting = Pick<WorkStatusWorld, 'interpreter' | 'record'>;

/** @throws when the status cannot be reflected: the last report stays */
export async function reportOn(
  world: Reporting,
  work: DeepReadonly<Work>,
  ordinal: number,
  manifest: Shared,
  object: Shared,
): Promise<ObjectReport> {
  const title = `object(${manifest.kind}/${manifest.metadata.namespace ?? ''}/${manifest.metadata.name ?? ''})`;
  const reported = await reflect(world, work, title, object);
  const { health, message } = await judge(world, title, object);
  const status: ManifestStatus = { identifier: identifierOf(ordinal, manifest), health };
  if (reported !== null) status.status = reported;
  return {
    status,
    told(news) {
      if (health === 'Unknown') world.record(work, 'Warning', eventReason.interpretHealthFailed, message);
      if (!news) return;
      world.record(work, 'Normal', eventReason.reflectStatusSucceed, `Reflect status for ${title} succeed.`);
      if (health !== 'Unknown') world.record(work, 'Normal', eventReason.interpretHealthSucceed, message);
    },
  };
}

async function reflect(world: Reporting, work: DeepReadonly<Work>, title: string, object: Shared) {
  const interpret = world.interpreter.find(object, 'InterpretStatus');
  if (interpret === undefined) return null;
  try {
    return await interpret(object);
  } catch (error) {
    const message = `Reflect status for ${title} failed, err: ${(error as Error).message}.`;
    world.record(work, 'Warning', eventReason.reflectStatusFailed, message);
    throw error;
  }
}

/** A kind without a rule counts as healthy. */
async function judge(
  world: Reporting,
  title: string,
  object: Shared,
): Promise<{ health: ResourceHealth; message: string }> {
  const interpret = world.interpreter.find(object, 'InterpretHealth');
  try {
    const healthy = interpret === undefined || (await interpret(object));
    const word = healthy ? 'healthy' : 'unhealthy';
    return { health: healthy ? 'Healthy' : 'Unhealthy', message: `Interpret health of ${title} as ${word}.` };
  } catch (error) {
    return {
      health: 'Unknown',
      message: `Interpret health of ${title} failed, err: ${(error as Error).message}.`,
    };
  }
}

function identifierOf(ordinal: number, manifest: Shared): ManifestStatus['identifier'] {
  const { group, version, kind } = gvkOf(manifest);
  const { namespace, name = '' } = manifest.metadata;
  return {
    ordinal,
    ...(group === '' ? {} : { group }),
    version,
    kind,
    resource: '',
    ...(namespace ? { namespace } : {}),
    name,
  };
}
