/** What a manifest must not carry into a member: server-owned metadata, status, and what a member decides for itself. */
import type { Unstructured } from '../apimachinery/object.ts';

/**
 * Prunes a manifest in place and returns it: on every write of a Work, and on the member's object before the two are
 * compared. Kinds are told by name alone, whatever their group. Running it twice changes nothing more.
 */
export function pruneManifest<T extends Unstructured>(manifest: T): T {
  const metadata = manifest.metadata as Map | undefined;
  if (isMap(metadata)) for (const field of serverOwnedMetadata) delete metadata[field];
  delete (manifest as Map)['status'];
  kindPruners[manifest.kind]?.(manifest);
  return manifest;
}

type Map = Record<string, unknown>;

const serverOwnedMetadata = [
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
  'ownerReferences',
  'finalizers',
];

const kindPruners: { readonly [kind: string]: (manifest: Map) => void } = {
  Deployment(manifest) {
    dropKeys(
      manifest,
      ['metadata', 'annotations'],
      ['deployment.kubernetes.io/revision', 'deployment.kubernetes.io/revision-history'],
    );
  },
  Job(manifest) {
    const spec = mapAt(manifest, ['spec']);
    if (spec === undefined) return;
    if (spec['manualSelector'] !== true) {
      dropKeys(spec, ['selector', 'matchLabels'], jobUidLabels);
      dropKeys(spec, ['template', 'metadata', 'labels'], [...jobUidLabels, 'job-name', 'batch.kubernetes.io/job-name']);
    }
    delete spec['ttlSecondsAfterFinished'];
  },
  Secret(manifest) {
    if (manifest['type'] !== 'kubernetes.io/service-account-token') return;
    dropKeys(manifest, ['metadata', 'annotations'], ['kubernetes.io/service-account.uid']);
    if (Object.hasOwn(manifest, 'data')) manifest['data'] = null;
  },
  ServiceAccount(manifest) {
    const secrets = manifest['secrets'];
    const name = mapAt(manifest, ['metadata'])?.['name'];
    if (!Array.isArray(secrets) || typeof name !== 'string') return;
    manifest['secrets'] = secrets.filter(
      (secret) => !(isMap(secret) && String(secret['name']).startsWith(`${name}-token-`)),
    );
  },
  Service(manifest) {
    const spec = mapAt(manifest, ['spec']);
    const clusterIP = spec?.['clusterIP'];
    if (spec === undefined || clusterIP === undefined || clusterIP === 'None') return;
    delete spec['clusterIP'];
    delete spec['clusterIPs'];
  },
  PersistentVolumeClaim(manifest) {
    dropKeys(manifest, ['metadata', 'annotations'], ['volume.kubernetes.io/selected-node']);
  },
};

const jobUidLabels = ['controller-uid', 'batch.kubernetes.io/controller-uid'];

function dropKeys(root: Map, path: readonly string[], keys: readonly string[]): void {
  const map = mapAt(root, path);
  if (map !== undefined) for (const key of keys) delete map[key];
}

function mapAt(root: Map, path: readonly string[]): Map | undefined {
  let node: unknown = root;
  for (const key of path) {
    if (!isMap(node)) return undefined;
    node = node[key];
  }
  return isMap(node) ? node : undefined;
}

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
