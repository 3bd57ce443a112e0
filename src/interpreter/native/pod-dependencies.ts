/** The objects that a Pod names and cannot run without. */
import type { DependentObjectReference } from '../interpreter.ts';
import { type Fields, fieldsAt, listAt, type Shared, textAt } from './kind-interpreter.ts';

/** ConfigMaps, Secrets, the ServiceAccount and claims of a Pod's spec, each once, in the namespace given. */
export function podDependencies(spec: Fields | undefined, namespace: string): DependentObjectReference[] {
  const found = new Map<string, DependentObjectReference>();
  const add = (kind: string, name: unknown): void => {
    if (typeof name === 'string' && name !== '')
      found.set(`${kind}/${name}`, { apiVersion: 'v1', kind, namespace, name });
  };
  for (const secret of listAt(spec, 'imagePullSecrets')) add('Secret', secret['name']);
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers'])
    for (const container of listAt(spec, kind)) addEnvironment(container, add);
  for (const volume of listAt(spec, 'volumes')) addVolume(volume, add);
  const account = textAt(spec, 'serviceAccountName');
  if (account !== 'default') add('ServiceAccount', account);
  return [...found.values()];
}

type Add = (kind: string, name: unknown) => void;

function addEnvironment(container: Fields, add: Add): void {
  for (const source of listAt(container, 'envFrom')) {
    add('ConfigMap', fieldsAt(source, 'configMapRef')?.['name']);
    add('Secret', fieldsAt(source, 'secretRef')?.['name']);
  }
  for (const variable of listAt(container, 'env')) {
    add('ConfigMap', fieldsAt(variable, 'valueFrom', 'configMapKeyRef')?.['name']);
    add('Secret', fieldsAt(variable, 'valueFrom', 'secretKeyRef')?.['name']);
  }
}

function addVolume(volume: Fields, add: Add): void {
  add('ConfigMap', fieldsAt(volume, 'configMap')?.['name']);
  add('PersistentVolumeClaim', fieldsAt(volume, 'persistentVolumeClaim')?.['claimName']);
  add('Secret', fieldsAt(volume, 'secret')?.['secretName']);
  add('Secret', fieldsAt(volume, 'azureFile')?.['secretName']);
  for (const kind of ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'])
    add('Secret', fieldsAt(volume, kind, 'secretRef')?.['name']);
  add('Secret', fieldsAt(volume, 'csi', 'nodePublishSecretRef')?.['name']);
  for (const source of listAt(fieldsAt(volume, 'projected'), 'sources')) {
    add('ConfigMap', fieldsAt(source, 'configMap')?.['name']);
    add('Secret', fieldsAt(source, 'secret')?.['name']);
  }
}

/** Of a kind with `spec.template`. */
export function dependenciesOfPodTemplate(object: Shared): DependentObjectReference[] {
  return podDependencies(fieldsAt(object, 'spec', 'template', 'spec'), object.metadata.namespace ?? '');
}
