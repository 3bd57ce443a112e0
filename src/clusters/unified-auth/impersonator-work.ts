/** The Works that carry the impersonator's rights to a member. */
import { randomUUID } from 'node:crypto';
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { controllerReferenceTo } from '../../apimachinery/owner-references.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  executionControllerFinalizer,
  managedLabel,
  managedLabelValue,
  systemLabel,
  systemLabelValue,
  workNameAnnotation,
  workNamespaceAnnotation,
  workPermanentIdLabel,
} from '../../apis/constants.ts';
import { stampManifest } from '../../apis/managed-metadata.ts';
import { executionSpace, workName } from '../../apis/naming.ts';
import { works } from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { ImpersonationRule } from './impersonation-rules.ts';

/** Name of the ClusterRole, its binding and the ServiceAccount in the member. */
export const impersonatorName = 'karmada-impersonator';

const rbacGroup = 'rbac.authorization.k8s.io';
const metadata = () => ({ name: impersonatorName, labels: { [systemLabel]: systemLabelValue } });

/** Rules may be empty: the role then takes away what an earlier one gave. */
export function impersonatorRole(rules: readonly ImpersonationRule[]): Unstructured {
  return { apiVersion: `${rbacGroup}/v1`, kind: 'ClusterRole', metadata: metadata(), rules };
}

export function impersonatorBinding(serviceAccountNamespace: string): Unstructured {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: metadata(),
    subjects: [{ kind: 'ServiceAccount', namespace: serviceAccountNamespace, name: impersonatorName }],
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: impersonatorName },
  };
}

export const impersonatorWorkName = (kind: string): string => workName(kind, impersonatorName);

/** The Work as it should be, over the one that is there; undefined when that is right already. */
export function impersonatorWork(
  cluster: DeepReadonly<Cluster>,
  object: DeepReadonly<Unstructured>,
  existing: DeepReadonly<Work> | undefined,
): Work | undefined {
  const namespace = executionSpace(cluster.metadata.name ?? '');
  const name = impersonatorWorkName(object.kind);
  const work: Work = existing
    ? cloneJson<Work>(existing)
    : { apiVersion: `${works.group}/${works.version}`, kind: works.kind, metadata: { namespace, name }, spec: {} };
  const id = work.metadata.labels?.[workPermanentIdLabel] || randomUUID();
  const manifest = cloneJson<Unstructured>(object);
  manifest.metadata.labels = { ...manifest.metadata.labels, [managedLabel]: managedLabelValue };
  manifest.metadata.annotations = { [workNamespaceAnnotation]: namespace, [workNameAnnotation]: name };
  stampManifest(manifest, id);
  work.metadata.labels = { ...work.metadata.labels, [workPermanentIdLabel]: id };
  work.metadata.finalizers = [...new Set([...(work.metadata.finalizers ?? []), executionControllerFinalizer])];
  work.metadata.ownerReferences = [controllerReferenceTo(cluster)];
  work.spec = { ...work.spec, workload: { manifests: [manifest] } };
  return existing && deepEqual(existing, work) ? undefined : work;
}
