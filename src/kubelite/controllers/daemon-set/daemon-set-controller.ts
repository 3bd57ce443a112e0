/** Keeps one pod of each DaemonSet on every node that suits it. The key is the set's; pod and node events lead to it. */
import { deepEqual, objectKey } from '../../../apimachinery/object.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import {
  controllerRevisions,
  daemonSets,
  nodes as nodeType,
  pods as podType,
} from '../../../kubernetes/resource-types.ts';
import type { ControllerRevision, DaemonSet, Node, Pod } from '../../../kubernetes/types.ts';
import { claimDependents } from '../claim.ts';
import type { ControllerContext } from '../controller-context.ts';
import { controllerIndex, controllerUids } from '../controller-ref.ts';
import { syncRevisions, trimRevisions } from '../controller-revisions.ts';
import { createOwnedPods, failuresOf } from '../owned-pods.ts';
import { nextAvailabilityAfter } from '../replica-set/replica-set-rules.ts';
import { createNodeVerdicts, daemonHashLabel, daemonPod, daemonSetStatus, planDaemons } from './daemon-set-rules.ts';

/** Must be called before the informers start. */
export function createDaemonSetController(context: ControllerContext): Controller {
  const { informers, client, clock } = context;
  const sets = informers.informer<DaemonSet>(daemonSets);
  const nodes = informers.informer<Node>(nodeType);
  const setClient = client.resource<DaemonSet>(daemonSets);
  const podClient = client.resource<Pod>(podType);
  const revisionCache = informers.informer<ControllerRevision>(controllerRevisions);
  const revisionClient = client.resource<ControllerRevision>(controllerRevisions);
  revisionCache.addIndex(controllerIndex, controllerUids);
  const verdicts = new Map<string, { hash: string; of: ReturnType<typeof createNodeVerdicts> }>();
  const controller = createController({ name: 'daemonset', workers: 2, reconcile, clock, logger: context.logger });
  const owned = createOwnedPods<DaemonSet>(context, 'DaemonSet', sets, (key) => controller.enqueue(key));

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const set = sets.get(key);
    if (set === undefined) {
      verdicts.delete(key);
      return undefined;
    }
    const pods = await claimDependents(set, owned.cache, podClient);
    if (!owned.settled(set) || set.metadata.deletionTimestamp !== undefined) return undefined;
    const known = revisionCache.byIndex(controllerIndex, set.metadata.uid ?? '');
    const choice = await syncRevisions(set, known, revisionClient, daemonHashLabel, set.status?.collisionCount ?? 0);
    const hash = choice.update.metadata.labels?.[daemonHashLabel] ?? '';
    const all = nodes.list();
    const kept = verdicts.get(key);
    const verdictOf = kept?.hash === hash ? kept.of : createNodeVerdicts(set);
    verdicts.set(key, { hash, of: verdictOf });
    const plan = planDaemons(set, all, verdictOf, pods, hash, clock.now());
    const failures = await failuresOf(plan.create.map((node) => owned.create(set, daemonPod(set, node, hash))));
    for (const pod of plan.remove) {
      if (pod.status?.phase === 'Failed') {
        const message = `Found failed daemon pod ${objectKey(pod)} on node ${pod.spec?.nodeName}, will try to kill it`;
        context.recordEvent(set, 'Warning', 'FailedDaemonPod', message);
      }
      await owned.remove(set, pod);
    }
    const status = daemonSetStatus(set, all, verdictOf, pods, hash, choice.collisionCount, clock.now());
    const stored = { ...set.status, conditions: undefined };
    if (!deepEqual(stored, { ...status, conditions: undefined }))
      await setClient.updateStatus({ ...set, status } as DaemonSet);
    const used = new Set([hash, ...pods.map((pod) => pod.metadata.labels?.[daemonHashLabel])]);
    await trimRevisions(
      set,
      choice.all,
      ({ metadata }) => used.has(metadata.labels?.[daemonHashLabel]),
      revisionClient,
    );
    if (failures.length > 0) throw failures[0];
    const wait = nextAvailabilityAfter(set, pods, clock.now());
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  const enqueueAll = (): void => {
    for (const set of sets.list()) controller.enqueue(objectKey(set));
  };
  nodes.addHandler({
    added: enqueueAll,
    updated(node, old) {
      // Heartbeats change conditions only.
      if (!deepEqual(node.spec, old.spec) || !deepEqual(node.metadata.labels, old.metadata.labels)) enqueueAll();
    },
    deleted: enqueueAll,
  });
  return controller;
}
