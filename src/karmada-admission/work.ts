/** Defaults of Work: its permanent id, and manifests pruned and stamped. */
import { badRequest } from '../apimachinery/status-error.ts';
import { workPermanentIdLabel } from '../apis/constants.ts';
import { stampManifest } from '../apis/managed-metadata.ts';
import { pruneManifest } from '../apis/prune-manifest.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';

/** On create and update. Throws BadRequest for a manifest that names no kind. */
export function mutateWork(work: Work, newId: () => string): void {
  let id = work.metadata.labels?.[workPermanentIdLabel];
  if (!id) {
    id = newId();
    work.metadata.labels = { ...work.metadata.labels, [workPermanentIdLabel]: id };
  }
  for (const [i, manifest] of (work.spec.workload?.manifests ?? []).entries()) {
    if (typeof manifest.kind !== 'string' || manifest.kind === '')
      throw badRequest(`Object 'Kind' is missing in spec.workload.manifests[${i}]`);
    if (typeof manifest.metadata !== 'object' || manifest.metadata === null) manifest.metadata = {};
    stampManifest(pruneManifest(manifest), id);
  }
}
