/** Deletes bootstrap tokens when their time has come. Key: the Secret's. */
import { systemClock } from '../../apimachinery/clock.ts';
import { refKey } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { hasExpired, parseBootstrapSecret } from '../../component/bootstrap-token.ts';
import { createController, type ReconcileResult } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { bootstrapSecretInformer } from './bootstrap-secrets.ts';

export function createTokenCleaner(dependencies: ControllerDependencies): Runnable {
  const { client, informers, logger, registry, clock = systemClock } = dependencies;
  const informer = bootstrapSecretInformer(informers);

  async function reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const secret = informer.get(key);
    const token = secret && parseBootstrapSecret(secret);
    if (secret === undefined || token?.expiresAt === undefined || secret.metadata.deletionTimestamp) return undefined;
    if (!hasExpired(token, clock.now())) return { requeueAfter: token.expiresAt - clock.now() };
    const { namespace, name = '', uid } = secret.metadata;
    try {
      const preconditions = uid === undefined ? undefined : { uid };
      await client.resource<Secret>(secrets).delete({ namespace, name }, { preconditions, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  const controller = createController({ name: 'token-cleaner-controller', reconcile, logger, registry, clock });
  const enqueue = ({ metadata }: { metadata: { readonly namespace?: string; readonly name?: string } }): void =>
    controller.enqueue(refKey({ namespace: metadata.namespace, name: metadata.name ?? '' }));
  informer.addHandler({ added: enqueue, updated: enqueue });
  return {
    name: controller.name,
    async run(signal) {
      await informer.whenSynced(signal);
      await controller.run(signal);
    },
  };
}
