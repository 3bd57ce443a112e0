import { systemClock } from '../../apimachinery/clock.ts';
import { isConditionTrue } from '../../apimachinery/conditions.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { KubeObject, ObjectRef } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  cascadeOrphan,
  clusterControllerFinalizer,
  clusterReady,
  executionControllerFinalizer,
} from '../../apis/constants.ts';
import { executionSpace } from '../../apis/naming.ts';
import { clusters, works } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import { formatDuration } from '../../component/duration.ts';
import { flag } from '../../component/flags.ts';
import { namespaces } from '../../kubernetes/resource-types.ts';
import { controlPlaneClient, memberClient } from '../clients.ts';
import { clusterNameArgument } from '../cluster-name.ts';
import { type CommandIo, defineCommand, karmadaFlags } from '../command.ts';
import { requireControlPlane } from '../control-plane-check.ts';
import { clusterHeld } from '../held-cluster.ts';
import { accountObjects, deleteIfPresent, whyNamespaceStays } from '../member-clean-up.ts';
import { announceOrphan, cascadeFlag, finishOrphan, listOf, objectsIn } from '../orphan.ts';

export const unjoinCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    'cluster-namespace': flag.string(
      'karmada-cluster',
      'Namespace in the member cluster where its Karmada accounts are.',
    ),
    'cluster-context': flag.string('', "Context of the member's kubeconfig; default is the name of the cluster."),
    'cluster-kubeconfig': flag.string(
      '',
      'Path of the unjoining cluster kubeconfig; without it nothing is removed there.',
    ),
    cascade: cascadeFlag,
    force: flag.bool(false, 'Remove the cluster although the resources in it could not be cleaned up.'),
    wait: flag.duration(60_000, 'How long to wait for the cluster to be gone.'),
    'dry-run': flag.bool(false, 'Check only, without deleting anything.'),
  },
  async run({ values, args, io, signal }) {
    const name = clusterNameArgument(args);
    const { wait, force } = values;
    if (wait <= 0) throw new Error(` --wait ${formatDuration(wait)}  must be a positive duration, e.g. 1m0s `);
    const controlPlane = controlPlaneClient(values);
    const { client } = controlPlane;
    // Before anything is deleted: a member that cannot be reached for the second half is better known now.
    const member = values['cluster-kubeconfig']
      ? memberClient(
          values['cluster-kubeconfig'],
          values['cluster-context'] || name,
          'failed to get unjoining cluster config',
        ).client
      : undefined;
    const orphan = values.cascade === cascadeOrphan;
    await requireControlPlane(controlPlane, values, signal);
    const registered = await findPushCluster(client, name, signal);
    // An orphaned cluster that was away can be cleaned later.
    if (registered === undefined && !(orphan && member !== undefined))
      throw new Error(`no cluster object ${name} found in karmada control Plane`);
    const objects = orphan && registered !== undefined ? await objectsIn(client, name, signal) : [];
    if (values['dry-run']) {
      io.stderr(`cluster(${name}) would be unjoined (dry run)\n`);
      if (orphan) io.stderr(`${objects.length} objects would stay in it\n${listOf(objects)}`);
      return;
    }

    let ready = true;
    if (registered !== undefined) {
      if (orphan) await announceOrphan(client, name, systemClock.now() + wait, signal);
      await ignoreAbsent(client.resource(clusters).delete({ name }, { signal }));
      const end = await waitUntilGone(client, name, wait, signal);
      ready = end.gone && end.ready;
      if (!end.gone) {
        if (!force)
          throw await clusterHeld(client, name, 'Its removal goes on; --force lets go of it at once.', signal);
        await releaseByForce(client, name, io, signal);
      }
    }
    if (orphan) await finishOrphan({ name, member, objects, ready, io, signal });
    if (member !== undefined) await cleanMember(client, member, name, values['cluster-namespace'], force, io, signal);
  },
});

/** @throws for a pull cluster */
async function findPushCluster(client: Client, name: string, signal: AbortSignal): Promise<Cluster | undefined> {
  let cluster: Cluster;
  try {
    cluster = await client.resource<Cluster>(clusters).get({ name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  if (cluster.spec.syncMode === 'Pull') {
    throw new Error(
      `cluster ${name} is a Pull mode member cluster, please use command \`unregister\` if you want to continue unregistering the cluster`,
    );
  }
  return cluster;
}

/** `ready`: whether the control plane could reach it to the last. */
async function waitUntilGone(
  client: Client,
  name: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<{ gone: boolean; ready: boolean }> {
  const deadline = systemClock.now() + waitMs;
  let ready = true;
  for (let delay = 100; ; delay = Math.min(delay * 2, 1000)) {
    try {
      const { status } = await client.resource<Cluster>(clusters).get({ name }, { signal });
      ready = isConditionTrue(status?.conditions, clusterReady);
    } catch (error) {
      if (isNotFound(error)) return { gone: true, ready };
      throw error;
    }
    const left = deadline - systemClock.now();
    if (left <= 0) return { gone: false, ready };
    await systemClock.sleep(Math.min(delay, left), signal);
  }
}

/** Takes away what holds the Cluster back: what Karmada created in the member stays there. */
async function releaseByForce(client: Client, name: string, io: CommandIo, signal: AbortSignal): Promise<void> {
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isNotFound(error)) io.stderr(`warning: failed to ${what}: ${(error as Error).message}\n`);
    }
  };
  const space = executionSpace(name);
  await attempt('release the works', async () => {
    const { items } = await client.resource(works).list({ namespace: space, signal });
    for (const { metadata } of items) {
      await dropFinalizer(
        client,
        works,
        { namespace: space, name: metadata.name ?? '' },
        executionControllerFinalizer,
        signal,
      );
    }
  });
  await attempt(`finalize the namespace ${space}`, async () => {
    const namespace = await client.resource(namespaces).get({ name: space }, { signal });
    const spec = { ...(namespace['spec'] as object), finalizers: [] };
    await client.resource(namespaces).update({ ...namespace, spec }, { subresource: 'finalize', signal });
  });
  await attempt('release the cluster', () =>
    dropFinalizer(client, clusters, { name }, clusterControllerFinalizer, signal),
  );
}

async function dropFinalizer(
  client: Client,
  type: ResourceType,
  ref: ObjectRef,
  finalizer: string,
  signal: AbortSignal,
): Promise<void> {
  const { metadata }: KubeObject = await client.resource(type).get(ref, { signal });
  if (!metadata.finalizers?.includes(finalizer)) return;
  const finalizers = metadata.finalizers.filter((entry) => entry !== finalizer);
  const patch = { metadata: { resourceVersion: metadata.resourceVersion, finalizers } };
  await ignoreAbsent(client.resource(type).patch(ref, 'merge', patch, { signal }));
}

async function cleanMember(
  controlPlane: Client,
  member: Client,
  name: string,
  namespace: string,
  force: boolean,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await ignoreAbsent(work());
    } catch (error) {
      if (!force) throw error;
      io.stderr(`warning: failed to delete ${what} in cluster ${name}: ${(error as Error).message}\n`);
    }
  };
  for (const object of accountObjects(name, namespace))
    await attempt(`${object[0].kind} ${object[1].name}`, () => deleteIfPresent(member, object, signal));
  await attempt(`Namespace ${namespace}`, async () => {
    const why = await whyNamespaceStays(controlPlane, member, namespace, signal);
    if (why === undefined) await deleteIfPresent(member, [namespaces, { name: namespace }], signal);
    else io.stderr(`Left the namespace ${namespace} in the member: ${why}\n`);
  });
}

async function ignoreAbsent(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
