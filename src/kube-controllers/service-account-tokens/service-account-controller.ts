/** Every namespace has a ServiceAccount `default`. Key: the namespace's name. */
import { isAlreadyExists, isNotFound, StatusError } from '../../apimachinery/status-error.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { namespaces, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { Namespace, ServiceAccount } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';

export function createServiceAccountController(dependencies: ControllerDependencies): Runnable {
  const { client, informers, logger, registry, clock } = dependencies;
  const namespaceInformer = informers.informer<Namespace>(namespaces);
  const accountInformer = informers.informer<ServiceAccount>(serviceAccounts);
  const resource = client.resource<ServiceAccount>(serviceAccounts);

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    const namespace = namespaceInformer.get(name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp) return;
    if (accountInformer.get(`${name}/default`)) return;
    try {
      await resource.create(
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: name, name: 'default' } },
        { signal },
      );
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceEnding(error)) throw error;
    }
  }

  const controller = createController({
    name: 'serviceaccount-controller',
    reconcile,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
  });
  namespaceInformer.addHandler({ added: (namespace) => controller.enqueue(namespace.metadata.name ?? '') });
  accountInformer.addHandler({
    deleted: ({ metadata }) => {
      if (metadata.name === 'default') controller.enqueue(metadata.namespace ?? '');
    },
  });
  return {
    name: controller.name,
    async run(signal) {
      await Promise.all([namespaceInformer.whenSynced(signal), accountInformer.whenSynced(signal)]);
      await controller.run(signal);
    },
  };
}

/** The namespace is gone, or refuses new content because it is being deleted. */
export function isNamespaceEnding(error: unknown): boolean {
  if (isNotFound(error)) return true;
  return (
    error instanceof StatusError &&
    error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true
  );
}
