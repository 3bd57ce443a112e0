/** Every Pod runs as a service account, and gets its token unless it or the account says otherwise. */
import type { Clock } from '../../apimachinery/clock.ts';
import { randomSuffix } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { forbidden } from '../../apimachinery/status-error.ts';
import { pods, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { Pod, ServiceAccount } from '../../kubernetes/types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { AdmissionPlugin } from './plugin.ts';

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function createServiceAccountAdmission(catalog: ResourceCatalog, clock: Clock): AdmissionPlugin {
  /** The default account of a new namespace is made by a controller: it gets a second to appear. */
  const find = async (namespace: string, name: string): Promise<DeepReadonly<ServiceAccount> | undefined> => {
    const reader = catalog.reader(serviceAccounts);
    for (let attempt = 0; ; attempt++) {
      const found = reader.cached({ namespace, name }) ?? (await reader.get({ namespace, name }));
      if (found !== undefined) return found as unknown as DeepReadonly<ServiceAccount>;
      if (name !== 'default' || attempt === 10) return undefined;
      await clock.sleep(100);
    }
  };
  return {
    name: 'ServiceAccount',
    handles: ({ operation, type, subresource }) =>
      operation === 'CREATE' && subresource === '' && type.group === '' && type.resource === pods.resource,
    async admit({ object, namespace, name }) {
      const pod = object as unknown as Pod;
      const spec = pod.spec;
      if (spec === undefined || pod.metadata.annotations?.[mirrorAnnotation] !== undefined) return;
      const accountName = spec.serviceAccountName || 'default';
      spec.serviceAccountName = accountName;
      spec.serviceAccount = accountName;
      const account = await find(namespace, accountName);
      if (account === undefined)
        throw forbidden(
          pods,
          name || (pod.metadata.name ?? ''),
          `error looking up service account ${namespace}/${accountName}: serviceaccount "${accountName}" not found`,
        );
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec);
      if ((spec.imagePullSecrets?.length ?? 0) === 0 && (account.imagePullSecrets?.length ?? 0) > 0)
        spec.imagePullSecrets = account.imagePullSecrets?.map((reference) => ({ ...reference })) ?? [];
    },
  };
}

function mountToken(spec: NonNullable<Pod['spec']>): void {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const wanting = containers.filter(
    (container) => !container.volumeMounts?.some(({ mountPath }) => mountPath === tokenPath),
  );
  if (wanting.length === 0) return;
  const existing = spec.volumes?.find(({ name }) => name.startsWith('kube-api-access-'));
  const volume = existing?.name ?? `kube-api-access-${randomSuffix(5)}`;
  if (existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(volume)];
  for (const container of wanting)
    container.volumeMounts = [
      ...(container.volumeMounts ?? []),
      { name: volume, readOnly: true, mountPath: tokenPath },
    ];
}

const tokenVolume = (name: string) => ({
  name,
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
});
