/** Watches Deployments and their ReplicaSets; the key is the Deployment's. Under Recreate the end of pods counts as well. */

import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { objectKey, parseKey } from '../../../apimachinery/object.ts';
import { controllerOf, isControlledBy } from '../../../apimachinery/owner-references.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { deployments, pods, replicaSets } from '../../../kubernetes/resource-types.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../kubernetes/types.ts';
import { claimDependents } from '../claim.ts';
import type { ControllerContext } from '../controller-context.ts';
import { controllerIndex, controllerUids, orphanIndex, orphanNamespaces } from '../controller-ref.ts';
import { isPodFinished } from '../pod-readiness.ts';
import { isRollingUpdate } from './deployment-rules.ts';
import { reconcileDeployment } from './reconcile.ts';
import { createRollout, type DeploymentActions } from './rollout.ts';

/** Must be called before the informers start. */
export function createDeploymentController(context: ControllerContext): Controller {
  const { informers, client, clock } = context;
  const deploymentCache = informers.informer<Deployment>(deployments);
  const setCache = informers.informer<ReplicaSet>(replicaSets);
  const podCache = informers.informer<Pod>(pods);
  const deploymentClient = client.resource<Deployment>(deployments);
  const setClient = client.resource<ReplicaSet>(replicaSets);
  setCache.addIndex(controllerIndex, controllerUids);
  setCache.addIndex(orphanIndex, orphanNamespaces);
  podCache.addIndex(controllerIndex, controllerUids);

  const controller = createController({
    name: 'deployment',
    workers: 5,
    clock,
    logger: context.logger,
    async reconcile(key) {
      const deployment = deploymentCache.get(key);
      if (deployment === undefined) return undefined;
      const sets = await claimDependents(deployment, setCache, setClient);
      const hasPods = (set: DeepReadonly<ReplicaSet>): boolean =>
        podCache.byIndex(controllerIndex, set.metadata.uid ?? '').some((pod) => !isPodFinished(pod));
      return reconcileDeployment(createRollout(deployment, sets, hasPods, actionsFor(deployment), clock.now()));
    },
  });

  const actionsFor = (deployment: DeepReadonly<Deployment>): DeploymentActions => ({
    createReplicaSet: (set) => setClient.create(set),
    updateReplicaSet: (set) => setClient.update(set),
    deleteReplicaSet: (set) =>
      setClient.delete(parseKey(objectKey(set)), {
        propagationPolicy: 'Background',
        ...(set.metadata.uid === undefined ? {} : { preconditions: { uid: set.metadata.uid } }),
      }),
    readReplicaSet: (ref) => setClient.get(ref),
    updateStatus: (changed) => deploymentClient.updateStatus(changed),
    event: (type, reason, message) => context.recordEvent(deployment, type, reason, message),
  });

  const ownerOf = (object: DeepReadonly<ReplicaSet>): DeepReadonly<Deployment> | undefined => {
    const owner = controllerOf(object);
    if (owner?.kind !== 'Deployment') return undefined;
    const deployment = deploymentCache.get(`${object.metadata.namespace}/${owner.name}`);
    return deployment?.metadata.uid === owner.uid ? deployment : undefined;
  };
  const enqueueFor = (set: DeepReadonly<ReplicaSet>): void => {
    const owner = ownerOf(set);
    if (owner !== undefined) controller.enqueue(objectKey(owner));
    if (controllerOf(set) !== undefined) return;
    for (const deployment of deploymentCache.list(set.metadata.namespace)) {
      const selector = deployment.spec?.selector;
      if (selector !== undefined && matchesLabels(selector, set.metadata.labels ?? {}))
        controller.enqueue(objectKey(deployment));
    }
  };

  deploymentCache.addHandler({
    added: (deployment) => controller.enqueue(objectKey(deployment)),
    updated: (deployment) => controller.enqueue(objectKey(deployment)),
  });
  setCache.addHandler({
    added: enqueueFor,
    updated(set, old) {
      if (controllerOf(old)?.uid !== controllerOf(set)?.uid) {
        const before = ownerOf(old);
        if (before !== undefined && !isControlledBy(set, before)) controller.enqueue(objectKey(before));
      }
      enqueueFor(set);
    },
    deleted: enqueueFor,
  });
  podCache.addHandler({
    deleted(pod) {
      const owner = controllerOf(pod);
      if (owner?.kind !== 'ReplicaSet') return;
      const set = setCache.get(`${pod.metadata.namespace}/${owner.name}`);
      const deployment = set === undefined ? undefined : ownerOf(set);
      if (deployment !== undefined && !isRollingUpdate(deployment)) controller.enqueue(objectKey(deployment));
    },
  });
  return controller;
}
