/** What a template needs beside it: the ConfigMaps, Secrets, claims and accounts that its Pods mention. */
import type { DependentObjectReference } from '../interpreter.ts';
import { type Fields, fieldsAt, listAt, type Shared, textAt } from './kind-interpreter.ts';

/** Of a kind whose Pod template is at `path`. */
export function templateDependencies(
  object: Shared,
  path: readonly string[] = ['spec', 'template'],
): DependentObjectReference[] {
  return podDependencies(fieldsAt(object, ...path, 'spec'), object.metadata.namespace ?? '');
}

/** Of a Pod's spec; in a fixed order, each object once. */
export function podDependencies(spec: Fields | undefined, namespace: string): DependentObjectReference[] {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const claims = new Set<string>();
  for (const entry of listAt(spec, 'imagePullSecrets')) secrets.add(textAt(entry, 'name'));
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of listAt(spec, kind)) {
      for (const { valueFrom } of listAt(container, 'env')) {
        configMaps.add(textAt(fieldsAt(valueFrom, 'configMapKeyRef'), 'name'));
        secrets.add(textAt(fieldsAt(valueFrom, 'secretKeyRef'), 'name'));
      }
      for (const source of listAt(container, 'envFrom')) {
        configMaps.add(textAt(fieldsAt(source, 'configMapRef'), 'name'));
        secrets.add(textAt(fieldsAt(source, 'secretRef'), 'name'));
      }
    }
  }
  for (const volume of listAt(spec, 'volumes')) {
    configMaps.add(textAt(fieldsAt(volume, 'configMap'), 'name'));
    claims.add(textAt(fieldsAt(volume, 'persistentVolumeClaim'), 'claimName'));
    for (const source of listAt(fieldsAt(volume, 'projected'), 'sources')) {
      configMaps.add(textAt(fieldsAt(source, 'configMap'), 'name'));
      secrets.add(textAt(fieldsAt(source, 'secret'), 'name'));
    }
    for (const name of volumeSecrets(volume)) secrets.add(name);
  }
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount');
  const accounts = new Set(account === 'default' ? [] : [account]);
  return [
    ...references('ConfigMap', configMaps, namespace),
    ...references('Secret', secrets, namespace),
    ...references('ServiceAccount', accounts, namespace),
    ...references('PersistentVolumeClaim', claims, namespace),
  ];
}

function volumeSecrets(volume: Fields): string[] {
  const byRef = ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'];
  return [
    textAt(fieldsAt(volume, 'secret'), 'secretName'),
    textAt(fieldsAt(volume, 'azureFile'), 'secretName'),
    textAt(fieldsAt(volume, 'csi', 'nodePublishSecretRef'), 'name'),
    ...byRef.map((source) => textAt(fieldsAt(volume, source, 'secretRef'), 'name')),
  ];
}

function references(kind: string, names: ReadonlySet<string>, namespace: string): DependentObjectReference[] {
  return [...names]
    .filter((name) => name !== '')
    .sort()
    .map((name) => ({ apiVersion: 'v1', kind, namespace, name }));
}

/** A StatefulSet makes the claims of its templates itself. */
export function statefulSetDependencies(object: Shared): DependentObjectReference[] {
  const own = new Set(
    listAt(fieldsAt(object, 'spec'), 'volumeClaimTemplates').map((template) =>
      textAt(fieldsAt(template, 'metadata'), 'name'),
    ),
  );
  return templateDependencies(object).filter(
    ({ kind, name }) => kind !== 'PersistentVolumeClaim' || !own.has(name ?? ''),
  );
}

/** The certificates of an Ingress. @throws when a TLS entry names no Secret */
export function ingressDependencies(object: Shared): DependentObjectReference[] {
  return listAt(fieldsAt(object, 'spec'), 'tls').map((entry) => {
    const name = textAt(entry, 'secretName');
    if (name === '') throw new Error('dependency can not set both name and labelSelector to empty');
    return { apiVersion: 'v1', kind: 'Secret', namespace: object.metadata.namespace ?? '', name };
  });
}

/** The Service that stands for an imported one, and where its endpoints are listed. */
export function serviceImportDependencies(object: Shared): DependentObjectReference[] {
  const { namespace = '', name = '' } = object.metadata;
  const derived = `derived-${name}`;
  return [
    { apiVersion: 'v1', kind: 'Service', namespace, name: derived },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      namespace,
      labelSelector: { matchLabels: { 'kubernetes.io/service-name': derived } },
    },
  ];
}
