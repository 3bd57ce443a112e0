/**
 * Signs ConfigMap kube-public/cluster-info with every bootstrap token that may sign: whoever holds a token can tell that
 * the kubeconfig in it is this cluster's, before it trusts the cluster's CA. One key: there is one ConfigMap.
 */
import { systemClock } from '../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import {
  type BootstrapToken,
  detachedSignature,
  hasExpired,
  parseBootstrapSecret,
} from '../../component/bootstrap-token.ts';
import { createController, type ReconcileResult } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import type { ConfigMap } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { bootstrapSecretInformer } from './bootstrap-secrets.ts';

const clusterInfo = { namespace: 'kube-public', name: 'cluster-info' };
const signaturePrefix = 'jws-kubeconfig-';

export function createBootstrapSigner(dependencies: ControllerDependencies): Runnable {
  const { client, informers, logger, registry, clock = systemClock } = dependencies;
  const secretInformer = bootstrapSecretInformer(informers);
  const configMapInformer = informers.informer<ConfigMap>(configMaps, {
    namespace: clusterInfo.namespace,
    fieldSelector: `metadata.name=${clusterInfo.name}`,
  });

  async function reconcile(_key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const configMap = configMapInformer.get(`${clusterInfo.namespace}/${clusterInfo.name}`);
    if (configMap === undefined || configMap.metadata.deletionTimestamp) return undefined;
    const now = clock.now();
    const tokens = secretInformer
      .list()
      .map((secret) => parseBootstrapSecret(secret))
      .filter((token) => token !== undefined)
      .filter((token) => token.signing && !hasExpired(token, now));
    const data = signedData(configMap, tokens);
    if (data !== undefined && !deepEqual(data, configMap.data ?? {})) {
      try {
        await client.resource<ConfigMap>(configMaps).update({ ...configMap, data }, { signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const next = Math.min(...tokens.map((token) => token.expiresAt ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(next) ? { requeueAfter: Math.max(1, next - now) } : undefined;
  }

  const controller = createController({ name: 'bootstrap-signer-controller', reconcile, logger, registry, clock });
  const enqueue = (): void => controller.enqueue(clusterInfo.name);
  secretInformer.addHandler({ added: enqueue, updated: enqueue, deleted: enqueue });
  configMapInformer.addHandler({ added: enqueue, updated: enqueue });
  return {
    name: controller.name,
    async run(signal) {
      await Promise.all([secretInformer.whenSynced(signal), configMapInformer.whenSynced(signal)]);
      await controller.run(signal);
    },
  };
}

/** The ConfigMap's data with the signatures of these tokens and no others. Undefined when there is nothing to sign. */
export function signedData(
  configMap: DeepReadonly<Pick<ConfigMap, 'data'>>,
  tokens: readonly BootstrapToken[],
): Record<string, string> | undefined {
  const kubeconfig = configMap.data?.['kubeconfig'];
  if (kubeconfig === undefined || kubeconfig === '') return undefined;
  const kept = Object.entries(configMap.data ?? {}).filter(([key]) => !key.startsWith(signaturePrefix));
  const signatures = tokens.map((token) => [`${signaturePrefix}${token.id}`, detachedSignature(kubeconfig, token)]);
  return Object.fromEntries([...kept, ...signatures]);
}
