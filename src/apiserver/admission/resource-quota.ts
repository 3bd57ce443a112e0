/**
 * ResourceQuota: what a write takes is charged to the quotas of its namespace before it is stored, in status.used. Writes
 * that wait at the same time are charged together, with one update a quota. A namespace without quotas costs one look-up.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { forbidden, isConflict, isNotFound, plainError } from '../../apimachinery/status-error.ts';
import { toResourceList } from '../../kubernetes/quota/amounts.ts';
import { type ChargedWrite, charge, type OpenQuota, openQuota } from '../../kubernetes/quota/charge.ts';
import { evaluatorOf } from '../../kubernetes/quota/evaluators.ts';
import { resourceQuotas } from '../../kubernetes/resource-types.ts';
import type { ResourceQuota } from '../../kubernetes/types.ts';
import type { Catalog } from '../registry/catalog.ts';
import { namespacesWith } from './namespaces-with.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

interface Waiting extends ChargedWrite {
  request: AdmissionRequest;
  done(): void;
  failed(error: unknown): void;
}

/** Who writes the status: nobody owns what is charged. */
const chargingUser = { name: 'system:apiserver', groups: ['system:masters'] };
/** Another API server on the same store may charge, and the controller counts: then the batch is looked at again. */
const tries = 8;

export function createResourceQuotaAdmission(catalog: Catalog, clock: Clock): AdmissionPlugin {
  const mayHaveQuotas = namespacesWith(catalog, resourceQuotas);
  const queues = new Map<string, Waiting[]>();

  const work = async (namespace: string, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0);
      try {
        await chargeBatch(namespace, batch);
      } catch (error) {
        for (const waiting of batch) waiting.failed(error);
      }
    }
    queues.delete(namespace);
  };

  const chargeBatch = async (namespace: string, batch: readonly Waiting[]): Promise<void> => {
    const refused = new Map<Waiting, string>();
    for (let attempt = 1; ; attempt++) {
      refused.clear();
      const quotas = (await quotasOf(namespace)).map(openQuota);
      const tryOut = batch.filter(({ request }) => request.dryRun);
      for (const waiting of batch) {
        if (waiting.request.dryRun) continue;
        const why = charge(quotas, waiting, clock.now());
        if (why !== undefined) refused.set(waiting, why);
      }
      // After those that count, and on copies: a dry run takes nothing.
      for (const waiting of tryOut) {
        const copies = quotas.map((open) => ({ ...open, used: new Map(open.used) }));
        const why = charge(copies, waiting, clock.now());
        if (why !== undefined) refused.set(waiting, why);
      }
      if (await allWritten(quotas)) break;
      if (attempt === tries)
        throw plainError(`the quotas of namespace ${namespace} kept changing while they were charged`);
    }
    for (const waiting of batch) {
      const why = refused.get(waiting);
      if (why === undefined) waiting.done();
      else waiting.failed(forbidden(waiting.request.type, nameOf(waiting.request), why));
    }
  };

  const quotasOf = async (namespace: string): Promise<DeepReadonly<ResourceQuota>[]> => {
    const registry = catalog.registry(resourceQuotas);
    const reader = catalog.reader(resourceQuotas);
    const names = (await reader.list(namespace)).map(({ metadata }) => metadata.name ?? '');
    if (registry === undefined) return [];
    const found = await Promise.all(names.map((name) => reader.get({ namespace, name })));
    return found.filter((quota) => quota !== undefined) as unknown as DeepReadonly<ResourceQuota>[];
  };

  /** False when one of them was written by somebody else meanwhile. What was charged before it is counted anew later. */
  const allWritten = async (quotas: readonly OpenQuota[]): Promise<boolean> => {
    const registry = catalog.registry(resourceQuotas);
    for (const { quota, used, changed } of quotas) {
      if (!changed || registry === undefined) continue;
      const { namespace, name = '' } = quota.metadata;
      const charged = cloneJson(quota) as unknown as ResourceQuota;
      charged.status = { ...charged.status, used: toResourceList(used) };
      try {
        await registry.update(
          { namespace, name },
          {
            user: chargingUser,
            dryRun: false,
            fieldManager: undefined,
            subresource: 'status',
            over: { aborted: false },
            warn: () => undefined,
            compute: () => cloneJson(charged) as unknown as Unstructured,
          },
        );
      } catch (error) {
        // A quota that is gone limits nothing.
        if (isNotFound(error)) continue;
        if (isConflict(error)) return false;
        throw error;
      }
    }
    return true;
  };

  return {
    name: 'ResourceQuota',
    handles: ({ operation, type, subresource, namespace }) =>
      subresource === '' &&
      namespace !== '' &&
      (operation === 'CREATE' || (operation === 'UPDATE' && evaluatorOf(type).chargesUpdates)) &&
      mayHaveQuotas(namespace),
    validate(request) {
      const { object, oldObject, namespace, type } = request;
      if (object === undefined) return;
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          request,
          type,
          // The write goes on only after this, but the object is the caller's.
          object,
          old: request.operation === 'UPDATE' ? oldObject : undefined,
          done: resolve,
          failed: reject,
        };
        const queue = queues.get(namespace);
        if (queue !== undefined) {
          queue.push(waiting);
          return;
        }
        const fresh = [waiting];
        queues.set(namespace, fresh);
        void work(namespace, fresh);
      });
    },
  };
}

const nameOf = ({ name, object }: AdmissionRequest): string => name || (object?.metadata.name ?? '');
