/** Which kinds a member serves: what the scheduler's API enablement filter reads. */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { APIEnablement } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusterCompleteApiEnablements, completeApiEnablementsReason } from '../../apis/constants.ts';
import type { ServerResources } from '../../client/discovery.ts';
import type { ObservedReady } from './ready-threshold.ts';

/** Sorted by group version, resources by name, without subresources. */
export function apiEnablements(served: ServerResources): APIEnablement[] {
  return served.groupVersions
    .map((gv) => ({
      groupVersion: apiVersionOf(gv),
      resources: gv.resources
        .filter(({ resource }) => !resource.includes('/'))
        .map(({ resource, kind }) => ({ name: resource, kind }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }))
    .sort((a, b) => (a.groupVersion < b.groupVersion ? -1 : 1));
}

export function completeness(served: ServerResources): ObservedReady {
  const type = clusterCompleteApiEnablements;
  if (served.groupVersions.length === 0) {
    const message = `collected empty APIEnablements from the cluster`;
    return { type, status: 'False', reason: completeApiEnablementsReason.empty, message };
  }
  if (served.failed.length > 0) {
    const message = `might collect partial APIEnablements(${served.groupVersions.length}) from the cluster`;
    return { type, status: 'False', reason: completeApiEnablementsReason.partial, message };
  }
  const message = `collected complete APIEnablements from the cluster`;
  return { type, status: 'True', reason: completeApiEnablementsReason.complete, message };
}
