/** Makes the claims of pods' generic ephemeral volumes; they go with their pods. The key is the pod's. */
import { objectKey } from '../../../apimachinery/object.ts';
import { controllerReferenceTo, isControlledBy } from '../../../apimachinery/owner-references.ts';
import { isAlreadyExists } from '../../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { persistentVolumeClaims, pods as podType } from '../../../kubernetes/resource-types.ts';
import type { PersistentVolumeClaim, Pod } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';

/** Must be called before the informers start. */
export function createEphemeralVolumeController(context: ControllerContext): Controller {
  const { informers, client, clock, logger } = context;
  const pods = informers.informer<Pod>(podType);
  const claims = informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const claimClient = client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  const controller = createController({
    name: 'ephemeral-volume',
    clock,
    logger,
    async reconcile(key) {
      const pod = pods.get(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
      for (const { name: volume, ephemeral } of pod.spec?.volumes ?? []) {
        const template = ephemeral?.volumeClaimTemplate;
        if (template === undefined) continue;
        const name = `${pod.metadata.name}-${volume}`;
        const present = claims.get(`${pod.metadata.namespace}/${name}`);
        if (present !== undefined) {
          if (isControlledBy(present, pod)) continue;
          const message = `PVC ${pod.metadata.namespace}/${name} was not created for pod ${key} (pod is not owner)`;
          context.recordEvent(pod, 'Warning', 'FailedCreate', `ephemeral volume ${volume}: ${message}`);
          continue;
        }
        await claimClient
          .create({
            apiVersion: 'v1',
            kind: 'PersistentVolumeClaim',
            metadata: {
              name,
              namespace: pod.metadata.namespace ?? '',
              labels: { ...template.metadata?.labels },
              annotations: { ...template.metadata?.annotations },
              ownerReferences: [controllerReferenceTo(pod)],
            },
            spec: template.spec as NonNullable<PersistentVolumeClaim['spec']>,
          })
          .catch((error: unknown) => {
            if (!isAlreadyExists(error)) throw error;
          });
      }
    },
  });
  pods.addHandler({
    added(pod) {
      if (pod.spec?.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true)
        controller.enqueue(objectKey(pod));
    },
  });
  return controller;
}
