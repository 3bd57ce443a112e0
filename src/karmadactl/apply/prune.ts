/** `apply --prune`: what was applied once and is no longer among the manifests is deleted. */
import { gvkOf } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client, DeleteOptions } from '../../client/client.ts';
import { type ApiResource, createDiscovery } from '../../client/discovery.ts';
import { waitUntilGone } from '../deletion.ts';
import { listInChunks } from '../list-chunks.ts';
import type { SelectedObject } from '../object-arguments.ts';
import { lastApplied } from '../three-way-patch.ts';
import type { DryRun } from '../write-flags.ts';

/** Kinds that are pruned when none are named, as kubectl's. */
const defaultKinds = [
  'core/v1/ConfigMap',
  'core/v1/Endpoints',
  'core/v1/Namespace',
  'core/v1/PersistentVolumeClaim',
  'core/v1/PersistentVolume',
  'core/v1/Pod',
  'core/v1/ReplicationController',
  'core/v1/Secret',
  'core/v1/Service',
  'batch/v1/Job',
  'batch/v1/CronJob',
  'networking.k8s.io/v1/Ingress',
  'apps/v1/DaemonSet',
  'apps/v1/Deployment',
  'apps/v1/ReplicaSet',
  'apps/v1/StatefulSet',
];

/** @throws with kubectl's texts */
export function checkPrune(values: { prune: boolean; all: boolean; selector: string }): void {
  if (values.all && values.selector !== '') throw new Error('cannot set --all and --selector at the same time');
  if (values.prune && !values.all && values.selector === '')
    throw new Error(
      'all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector',
    );
}

/** The kinds of `--prune-allowlist`: `core/v1/ConfigMap`. */
export async function prunedTypes(client: Client, allowlist: readonly string[]): Promise<ApiResource[]> {
  const discovery = createDiscovery(client);
  const types: ApiResource[] = [];
  for (const word of allowlist.length === 0 ? defaultKinds : allowlist) {
    const [group = '', version = '', kind = '', ...more] = word.split('/');
    if (kind === '' || more.length > 0)
      throw new Error(`invalid GroupVersionKind format: ${word}, please follow <group/version/kind>`);
    const apiVersion = group === 'core' ? version : `${group}/${version}`;
    try {
      types.push((await discovery.resourceFor(gvkOf({ apiVersion, kind }))) as ApiResource);
    } catch (error) {
      throw isNotFound(error) ? new Error(error.message, { cause: error }) : error;
    }
  }
  return types;
}

export interface PruneOptions {
  types: readonly ApiResource[];
  selector: string;
  /** Those of the manifests. */
  namespaces: Iterable<string>;
  /** Of what was applied now. */
  uids: ReadonlySet<string>;
  deletion: DeleteOptions;
  /** Until what was deleted is gone; undefined: not at all. */
  wait: { timeoutMs: number } | undefined;
  dryRun: DryRun;
  signal: AbortSignal;
  pruned(type: ApiResource, object: Unstructured): void;
}

/** Namespaced kinds in the namespaces of the manifests, then the others. Only what carries the annotation of apply goes. */
export async function prune(client: Client, options: PruneOptions): Promise<void> {
  const namespaced = options.types.filter((type) => type.namespaced);
  const places = [...options.namespaces].flatMap((namespace) => namespaced.map((type) => ({ type, namespace })));
  const others = options.types.filter((type) => !type.namespaced).map((type) => ({ type, namespace: undefined }));
  const gone: SelectedObject[] = [];
  for (const { type, namespace } of [...places, ...others]) {
    const resource = client.resource<Unstructured>(type);
    const { signal, selector: labelSelector } = options;
    for (const object of await listInChunks(resource, { namespace, labelSelector, signal }, 500)) {
      const { name = '', uid = '', annotations } = object.metadata;
      if (annotations?.[lastApplied] === undefined || options.uids.has(uid)) continue;
      if (options.dryRun !== 'client') {
        const dryRun = options.dryRun === 'server';
        // By its uid: what was made anew meanwhile is another object.
        await resource.delete({ namespace, name }, { ...options.deletion, preconditions: { uid }, dryRun, signal });
      }
      options.pruned(type, object);
      gone.push({ type, ref: { namespace, name } });
    }
  }
  if (options.wait !== undefined && options.dryRun === 'none')
    await waitUntilGone(client, gone, options.wait.timeoutMs, options.signal);
}
