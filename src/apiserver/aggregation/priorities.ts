/** Which group comes first in discovery; kubectl takes the first that knows a name. */

const groups: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'resource.k8s.io': 15_900,
};

/** Of groups that are served here. Custom resources come last. */
export const groupPriority = (group: string): number => groups[group] ?? 1000;

/** Among the versions of a group. */
export function versionPriority(group: string, version: string): number {
  if (groups[group] === undefined) return 100;
  if (group === '') return 1;
  return group === 'autoscaling' && version === 'v2' ? 30 : 15;
}
