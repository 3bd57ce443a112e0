/** The ReplicaSet of the current template: found, kept in step with the Deployment, or created under a name of its own. */

import { deepEqual } from '../../../apimachinery/object.ts';
import { controllerReferenceTo, isControlledBy } from '../../../apimachinery/owner-references.ts';
import { isAlreadyExists, isNotFound, StatusError } from '../../../apimachinery/status-error.ts';
import type { Deployment, ReplicaSet } from '../../../kubernetes/types.ts';
import { equalTemplates, podTemplateHash, podTemplateHashLabel } from '../pod-template.ts';
import {
  hasProgressDeadline,
  maxSurge,
  newReplicaSetSize,
  type ReadableDeployment,
  specReplicas,
} from './deployment-rules.ts';
import { type DeploymentStatus, findCondition, newCondition } from './deployment-status.ts';
import { copiedAnnotations, revisionAnnotation, revisionOf, withRevision, withSizes } from './revision-annotations.ts';
import { type AspectResult, type Rollout, recordCondition } from './rollout.ts';

const nextRevision = (rollout: Rollout): number => Math.max(0, ...rollout.oldSets.map(revisionOf)) + 1;

/** An existing new ReplicaSet gets the Deployment's annotations, the highest revision and minReadySeconds. */
export async function reconcileKnownReplicaSet(rollout: Rollout): Promise<AspectResult> {
  const { newSet, deployment } = rollout;
  if (newSet === undefined) return 'continue';
  const annotations = withRevision(copiedAnnotations(deployment, newSet.metadata.annotations), nextRevision(rollout));
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  if (
    !deepEqual(annotations, newSet.metadata.annotations ?? {}) ||
    (newSet.spec?.minReadySeconds ?? 0) !== minReadySeconds
  ) {
    rollout.newSet = await rollout.actions.updateReplicaSet({
      ...newSet,
      metadata: { ...newSet.metadata, annotations },
      spec: { ...newSet.spec, minReadySeconds },
    } as ReplicaSet);
  }
  rollout.revision = annotations[revisionAnnotation];
  if (hasProgressDeadline(deployment) && findCondition(deployment.status, 'Progressing') === undefined) {
    const message = `Found new replica set "${newSet.metadata.name}"`;
    recordCondition(rollout, newCondition('Progressing', 'True', 'FoundNewReplicaSet', message, rollout.now));
  }
  return 'continue';
}

/** Makes sure that there is a new ReplicaSet. `stop` when its name is taken or it could not be created. */
export async function ensureNewReplicaSet(rollout: Rollout): Promise<'ok' | 'stop'> {
  if (rollout.newSet !== undefined) return 'ok';
  const { deployment, actions } = rollout;
  const set = buildReplicaSet(rollout);
  const name = set.metadata.name ?? '';
  let created: ReplicaSet;
  let existed = false;
  try {
    created = await actions.createReplicaSet(set);
  } catch (error) {
    if (!isAlreadyExists(error)) return creationFailed(rollout, name, error);
    const taken = await readIfThere(rollout, name);
    const template = deployment.spec?.template;
    const ours =
      taken !== undefined &&
      isControlledBy(taken, deployment) &&
      taken.spec?.template !== undefined &&
      template !== undefined &&
      equalTemplates(taken.spec.template, template);
    if (!ours) return nameTaken(rollout);
    created = taken;
    existed = true;
  }
  rollout.newSet = created;
  rollout.revision = created.metadata.annotations?.[revisionAnnotation] ?? String(nextRevision(rollout));
  if (existed) return 'ok';
  const size = specReplicas(created);
  if (size > 0) actions.event('Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${size}`);
  if (hasProgressDeadline(deployment)) {
    const message = `Created new replica set "${name}"`;
    recordCondition(rollout, newCondition('Progressing', 'True', 'NewReplicaSetCreated', message, rollout.now));
  }
  return 'ok';
}

function buildReplicaSet(rollout: Rollout): ReplicaSet {
  const { deployment } = rollout;
  const spec = (deployment as Deployment).spec;
  if (spec === undefined) throw new Error('a Deployment without spec cannot have been stored');
  const hash = podTemplateHash(spec.template, deployment.status?.collisionCount);
  const labels = { ...spec.template.metadata?.labels, [podTemplateHashLabel]: hash };
  const replicas = newReplicaSetSize(deployment, rollout.oldSets, 0);
  const desired = specReplicas(deployment);
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: withSizes(
        withRevision(copiedAnnotations(deployment, undefined), nextRevision(rollout)),
        desired,
        desired + maxSurge(deployment),
      ),
      ownerReferences: [controllerReferenceTo(deployment)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [podTemplateHashLabel]: hash } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

async function readIfThere(rollout: Rollout, name: string): Promise<ReplicaSet | undefined> {
  try {
    return await rollout.actions.readReplicaSet({ namespace: rollout.deployment.metadata.namespace, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Another ReplicaSet has the name: a higher collision count, written with the status, gives another hash at the next pass. */
function nameTaken(rollout: Rollout): 'stop' {
  const status: DeploymentStatus = { ...(rollout.deployment.status as DeploymentStatus | undefined) };
  status.collisionCount = (status.collisionCount ?? 0) + 1;
  rollout.deployment = { ...rollout.deployment, status } as ReadableDeployment;
  return 'stop';
}

function creationFailed(rollout: Rollout, name: string, error: unknown): 'stop' {
  rollout.failure = error;
  const terminating =
    error instanceof StatusError &&
    error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
  if (terminating === true) return 'stop';
  const message = `Failed to create new replica set "${name}": ${(error as Error).message}`;
  rollout.actions.event('Warning', 'ReplicaSetCreateError', message);
  if (hasProgressDeadline(rollout.deployment))
    recordCondition(rollout, newCondition('Progressing', 'False', 'ReplicaSetCreateError', message, rollout.now));
  return 'stop';
}
