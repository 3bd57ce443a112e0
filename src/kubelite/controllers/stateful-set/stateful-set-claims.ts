/** The PersistentVolumeClaims of a StatefulSet's pods: made once, kept or tied to an owner as the retention policy says. */
import { type DeepReadonly, deepEqual } from '../../../apimachinery/object.ts';
import { ownerReferenceTo } from '../../../apimachinery/owner-references.ts';
import { isAlreadyExists, isNotFound } from '../../../apimachinery/status-error.ts';
import { persistentVolumeClaims } from '../../../kubernetes/resource-types.ts';
import type { PersistentVolumeClaim, Pod } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import { buildClaims, claimName, type ReadableSet } from './stateful-set-pods.ts';

export interface StatefulSetClaims {
  /** The claims of a pod exist when it resolves. */
  ensure(set: ReadableSet, pod: string): Promise<void>;
  /** `condemned`: the pod goes because the set shrinks. Writes only when the owners should change. */
  retain(set: ReadableSet, pod: DeepReadonly<Pod>, condemned: boolean): Promise<void>;
}

/** Must be called before the informers start. */
export function createStatefulSetClaims(context: ControllerContext): StatefulSetClaims {
  const cache = context.informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const client = context.client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  return {
    async ensure(set, pod) {
      for (const claim of buildClaims(set, pod)) {
        if (cache.get(`${claim.metadata.namespace}/${claim.metadata.name}`) !== undefined) continue;
        try {
          await client.create(claim);
        } catch (error) {
          if (isAlreadyExists(error)) continue;
          const message = `create Claim ${claim.metadata.name} for Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`;
          context.recordEvent(set, 'Warning', 'FailedCreate', message);
          throw error;
        }
        const message = `create Claim ${claim.metadata.name} Pod ${pod} in StatefulSet ${set.metadata.name} success`;
        context.recordEvent(set, 'Normal', 'SuccessfulCreate', message);
      }
    },
    async retain(set, pod, condemned) {
      const policy = set.spec?.persistentVolumeClaimRetentionPolicy;
      for (const template of set.spec?.volumeClaimTemplates ?? []) {
        const name = claimName(template.metadata?.name ?? '', pod.metadata.name ?? '');
        const claim = cache.get(`${set.metadata.namespace}/${name}`);
        if (claim === undefined) continue;
        const others = (claim.metadata.ownerReferences ?? []).filter(
          ({ uid }) => uid !== set.metadata.uid && uid !== pod.metadata.uid,
        );
        const owners = [...others];
        if (condemned && policy?.whenScaled === 'Delete') owners.push(ownerReferenceTo(pod));
        else if (policy?.whenDeleted === 'Delete') owners.push(ownerReferenceTo(set));
        if (deepEqual(owners, claim.metadata.ownerReferences ?? [])) continue;
        try {
          await client.patch({ namespace: set.metadata.namespace, name }, 'merge', {
            metadata: { ownerReferences: owners, resourceVersion: claim.metadata.resourceVersion },
          });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }
    },
  };
}
