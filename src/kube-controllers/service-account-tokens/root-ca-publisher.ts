/** ConfigMap kube-root-ca.crt in every namespace: the CA that verifies the API server. Key: the namespace's name. */
import { isAlreadyExists } from '../../apimachinery/status-error.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { configMaps, namespaces } from '../../kubernetes/resource-types.ts';
import type { ConfigMap, Namespace } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { isNamespaceEnding } from './service-account-controller.ts';

const configMapName = 'kube-root-ca.crt';
const annotations = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

export function createRootCaPublisher(dependencies: ControllerDependencies): Runnable {
  const { client, informers, logger, registry, clock, rootCa = '' } = dependencies;
  const namespaceInformer = informers.informer<Namespace>(namespaces);
  const configMapInformer = informers.informer<ConfigMap>(configMaps, {
    fieldSelector: `metadata.name=${configMapName}`,
  });
  const resource = client.resource<ConfigMap>(configMaps);
  const data = { 'ca.crt': rootCa };

  async function reconcile(namespace: string, signal: AbortSignal): Promise<void> {
    const owner = namespaceInformer.get(namespace);
    if (owner === undefined || owner.metadata.deletionTimestamp) return;
    const current = configMapInformer.get(`${namespace}/${configMapName}`);
    try {
      if (current === undefined) {
        const metadata = { namespace, name: configMapName, annotations };
        await resource.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, { signal });
      } else if (!isCurrent(current)) {
        const metadata = { ...current.metadata, annotations: { ...current.metadata.annotations, ...annotations } };
        await resource.update({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, { signal });
      }
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceEnding(error)) throw error;
    }
  }

  const isCurrent = (configMap: Pick<ConfigMap, 'data'>): boolean =>
    configMap.data?.['ca.crt'] === rootCa && Object.keys(configMap.data).length === 1;

  const controller = createController({
    name: 'root-ca-certificate-publisher-controller',
    reconcile,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
  });
  namespaceInformer.addHandler({ added: (namespace) => controller.enqueue(namespace.metadata.name ?? '') });
  const enqueueNamespace = ({ metadata }: { metadata: { readonly namespace?: string } }): void =>
    controller.enqueue(metadata.namespace ?? '');
  configMapInformer.addHandler({ updated: enqueueNamespace, deleted: enqueueNamespace });
  return {
    name: controller.name,
    async run(signal) {
      await Promise.all([namespaceInformer.whenSynced(signal), configMapInformer.whenSynced(signal)]);
      await controller.run(signal);
    },
  };
}
