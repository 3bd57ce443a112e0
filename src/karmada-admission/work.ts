/** Defaults of Work: its permanent id, and manifests pruned and stamped. */
import type { Unstructured } from '../apimachinery/object.ts';
import { workPermanentIdLabel } from '../apis/constants.ts';
import { stampManifest } from '../apis/managed-metadata.ts';
import { pruneManifest } from '../apis/prune-manifest.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';

/** On create and update. Throws on a manifest that is no object with metadata. */
export function mutateWork(work: Work, newId: () => string): void {
  let id = work.metadata.labels?.[workPermanentIdLabel];
  if (!id) {
    id = newId();
    work.metadata.labels = { ...work.metadata.labels, [workPermanentIdLabel]: id };
  }
  for (const manifest of work.spec.workload?.manifests ?? []) {
    requireObject(manifest);
    stampManifest(pruneManifest(manifest), id);
  }
}

function requireObject(manifest: Unstructured): void {
  if (typeof manifest.kind !== 'string' || manifest.kind === '')
    throw new Error("Object 'Kind' is missing in a manifest of the Work");
  if (typeof manifest.metadata !== 'object' || manifest.metadata === null || Array.isArray(manifest.metadata))
    manifest.metadata = {};
}
