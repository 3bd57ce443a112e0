/**
 * Unjoining that leaves everything running: asks the control plane to let the objects of a cluster go instead of deleting them,
 * and takes Karmada's marks off what it could not reach.
 *
 *   annotation on the Cluster ──▶ condition KeepsResources (whoever carries Works has seen it) ──▶ Cluster deleted ──▶ sweep
 */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { isConditionTrue } from '../apimachinery/conditions.ts';
import { apiVersionOf, type ResourceType } from '../apimachinery/group-version.ts';
import type { KubeObject } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import {
  cascadeAnnotation,
  cascadeOrphan,
  clusterKeepsResources,
  managedLabel,
  managedLabelValue,
  systemLabel,
  systemLabelValue,
  workNamespaceAnnotation,
} from '../apis/constants.ts';
import { unmarkPatch } from '../apis/managed-metadata.ts';
import { executionSpace } from '../apis/naming.ts';
import { clusters, works } from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { Client } from '../client/client.ts';
import { createDiscovery } from '../client/discovery.ts';
import { flag } from '../component/flags.ts';
import { withoutWarnings } from './clients.ts';
import type { CommandIo } from './command.ts';

export const cascadeFlag = flag.choice(
  ['background', cascadeOrphan],
  'background',
  'What becomes of the resources that Karmada brought to the cluster. One of: (background, orphan). background: they are deleted; orphan: they go on running, without the labels and annotations of Karmada.',
);

/** `Deployment.apps default/web`, sorted: what Karmada keeps in the cluster now, but for objects of its own. */
export async function objectsIn(controlPlane: Client, cluster: string, signal: AbortSignal): Promise<string[]> {
  const { items } = await controlPlane.resource<Work>(works).list({ namespace: executionSpace(cluster), signal });
  return items
    .flatMap(({ spec }) => spec.workload?.manifests ?? [])
    .filter((manifest) => !isOwn(manifest))
    .map(title)
    .sort();
}

/** @throws when nobody answers before the deadline (ms); the Cluster is then as it was */
export async function announceOrphan(
  controlPlane: Client,
  name: string,
  deadline: number,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const resource = controlPlane.resource<Cluster>(clusters);
  const annotate = (value: string | null, during: AbortSignal) =>
    resource.patch(
      { name },
      'merge',
      { metadata: { annotations: { [cascadeAnnotation]: value } } },
      { signal: during },
    );
  await annotate(cascadeOrphan, signal);
  try {
    for (let delay = 50; ; delay = Math.min(2 * delay, 1000)) {
      const { status } = await resource.get({ name }, { signal });
      if (isConditionTrue(status?.conditions, clusterKeepsResources)) return;
      if (clock.now() + delay > deadline) break;
      await clock.sleep(delay, signal);
    }
    throw new Error(
      `nobody confirmed that the resources in cluster ${name} will stay (condition ${clusterKeepsResources} of the Cluster): is karmada-controller-manager, or the agent of a pull cluster, running, and of a release that knows --cascade=orphan? Nothing was deleted`,
    );
  } catch (error) {
    // Also when the command was interrupted.
    await annotate(null, AbortSignal.timeout(10_000)).catch(() => {});
    throw error;
  }
}

interface Sweep {
  /** Objects that bore marks and no longer do. */
  cleaned: string[];
  failed: { object: string; why: string }[];
}

/**
 * Takes the marks off every object in the member that Works of this cluster brought, and deletes Karmada's own. Does nothing
 * where the control plane has done it. Cost: one list a kind.
 */
async function sweep(member: Client, cluster: string, signal: AbortSignal): Promise<Sweep> {
  const result: Sweep = { cleaned: [], failed: [] };
  const { groupVersions, failed } = await createDiscovery(member).serverResources(signal);
  for (const gv of failed) result.failed.push({ object: `all of ${apiVersionOf(gv)}`, why: 'its discovery failed' });
  const seen = new Set<string>();
  for (const type of groupVersions.flatMap(({ resources }) => resources)) {
    const key = `${type.resource}.${type.group}`;
    if (seen.has(key) || !['list', 'patch'].every((verb) => type.verbs.includes(verb))) continue;
    seen.add(key);
    await sweepKind(member, type, executionSpace(cluster), result, signal);
  }
  return result;
}

async function sweepKind(
  member: Client,
  type: ResourceType,
  space: string,
  result: Sweep,
  signal: AbortSignal,
): Promise<void> {
  const resource = member.resource<KubeObject>(type);
  let items: readonly KubeObject[];
  try {
    ({ items } = await resource.list({ labelSelector: `${managedLabel}=${managedLabelValue}`, signal }));
  } catch (error) {
    if (!isNotFound(error)) result.failed.push({ object: `all ${type.resource}`, why: (error as Error).message });
    return;
  }
  for (const item of items) {
    const { namespace, name = '', annotations } = item.metadata;
    if (annotations?.[workNamespaceAnnotation] !== space) continue;
    const object = title({ ...item, apiVersion: apiVersionOf(type), kind: type.kind });
    try {
      if (isOwn(item)) await resource.delete({ namespace, name }, { signal });
      else {
        await resource.patch({ namespace, name }, 'merge', unmarkPatch(item), { signal });
        result.cleaned.push(object);
      }
    } catch (error) {
      if (!isNotFound(error)) result.failed.push({ object, why: (error as Error).message });
    }
  }
}

interface OrphanEnd {
  name: string;
  /** As its administrator; undefined: the control plane was the only way there. */
  member: Client | undefined;
  /** What was there before. */
  objects: readonly string[];
  /** Whether the control plane could reach it to the last. */
  ready: boolean;
  io: CommandIo;
  signal: AbortSignal;
}

/** Cleans what is left to clean, and says what became of the objects. */
export async function finishOrphan({ name, member, objects, ready, io, signal }: OrphanEnd): Promise<void> {
  const later = `when it can be reached: karmadactl unjoin ${name} --cascade=orphan --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>\n`;
  let swept: Sweep | undefined;
  try {
    swept = member && (await withoutWarnings(() => sweep(member, name, signal)));
  } catch (error) {
    signal.throwIfAborted();
    io.stderr(`warning: the cluster cannot be reached: ${(error as Error).message}\n`);
    ready = false;
  }
  if (swept === undefined && !ready) {
    io.stderr(
      `warning: these objects stay in cluster(${name}) with the labels and annotations of Karmada:\n${listOf(objects)}take them off ${later}`,
    );
    return;
  }
  if (swept !== undefined && swept.failed.length > 0) {
    const lines = listOf(swept.failed.map(({ object, why }) => `${object}: ${why}`));
    io.stderr(`warning: these objects stay in cluster(${name}) and could not be cleaned:\n${lines}try again ${later}`);
  }
  const count = Math.max(objects.length, swept?.cleaned.length ?? 0) - (swept?.failed.length ?? 0);
  const stay = count === 1 ? 'object stays' : 'objects stay';
  io.stdout(`${count} ${stay} in cluster(${name}), without labels and annotations of Karmada\n`);
}

export const listOf = (lines: readonly string[]): string => lines.map((line) => `  ${line}\n`).join('');

/** What Karmada needs in a member for itself: the rights of its impersonator. */
const isOwn = ({ metadata }: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }): boolean =>
  metadata.labels?.[systemLabel] === systemLabelValue;

function title({ apiVersion, kind, metadata }: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>): string {
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
  const { namespace, name = '' } = metadata;
  return `${group ? `${kind}.${group}` : kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
