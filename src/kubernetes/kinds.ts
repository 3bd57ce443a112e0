/**
 * The built-in kinds, one row each: where it is served, its names, and how writes treat it. What a kind does of its own
 * (defaults, validation, columns) is in <group>/<kind>.ts.
 */
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import {
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
} from './admissionregistration/admission-policy.ts';
import {
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
} from './admissionregistration/webhook-configuration.ts';
import { customResourceDefinition } from './apiextensions/custom-resource-definition.ts';
import { controllerRevision } from './apps/controller-revision.ts';
import { daemonSet } from './apps/daemon-set.ts';
import { deployment } from './apps/deployment.ts';
import { replicaSet } from './apps/replica-set.ts';
import { statefulSet } from './apps/stateful-set.ts';
import { horizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalerV1 } from './autoscaling/hpa-v1.ts';
import { cronJob } from './batch/cron-job.ts';
import { job } from './batch/job.ts';
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { lease } from './coordination/lease.ts';
import { configMap } from './core/config-map.ts';
import { endpoints } from './core/endpoints.ts';
import { event } from './core/event.ts';
import { limitRange } from './core/limit-range.ts';
import { namespace } from './core/namespace.ts';
import { node } from './core/node.ts';
import { persistentVolume } from './core/persistent-volume.ts';
import { persistentVolumeClaim } from './core/persistent-volume-claim.ts';
import { pod } from './core/pod.ts';
import { podTemplate } from './core/pod-template.ts';
import { replicationController } from './core/replication-controller.ts';
import { resourceQuota } from './core/resource-quota.ts';
import { secret } from './core/secret.ts';
import { service } from './core/service.ts';
import { serviceAccount } from './core/service-account.ts';
import { endpointSlice } from './discovery/endpoint-slice.ts';
import { event as groupedEvent } from './events/event.ts';
import { type KindRow, defineKind as kind } from './kind.ts';
import { ingress } from './networking/ingress.ts';
import { ingressClass } from './networking/ingress-class.ts';
import { ipAddress } from './networking/ip-address.ts';
import { networkPolicy } from './networking/network-policy.ts';
import { serviceCidr } from './networking/service-cidr.ts';
import { runtimeClass } from './node/runtime-class.ts';
import { podDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { clusterRole, role } from './rbac/role.ts';
import { clusterRoleBinding, roleBinding } from './rbac/role-binding.ts';
import { deviceClass } from './resource/device-class.ts';
import { resourceClaim, resourceClaimTemplate } from './resource/resource-claim.ts';
import { resourceSlice } from './resource/resource-slice.ts';
import { priorityClass } from './scheduling/priority-class.ts';
import { csiDriver, csiNode, csiStorageCapacity, volumeAttachment } from './storage/csi.ts';
import { storageClass, volumeAttributesClass } from './storage/storage-class.ts';

let definitions: readonly ResourceDefinition[] | undefined;

/** Every built-in kind that is served, in the order of groups in discovery. */
export function builtinResources(): readonly ResourceDefinition[] {
  definitions ??= rows();
  return definitions;
}

const cluster = { scope: 'Cluster' } as const;
const status = { status: true } as const;
const all = { categories: ['all'] } as const;
const spec = { generation: 'spec' } as const;
const upsert = { createOnUpdate: true } as const;
const conditional = { unconditionalUpdate: false } as const;
const scale = {
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
} as const;
const short = (...names: string[]): KindRow => ({ short: names });

// biome-ignore format: a table, one kind a line
function rows(): ResourceDefinition[] {
  return [
    kind('v1', 'configmaps', 'ConfigMap', { ...short('cm') }, configMap),
    kind('v1', 'endpoints', 'Endpoints', { ...short('ep'), ...upsert }, endpoints),
    kind('v1', 'events', 'Event', { ...short('ev'), ...upsert }, event),
    kind('v1', 'limitranges', 'LimitRange', { ...short('limits'), ...upsert }, limitRange),
    kind('v1', 'namespaces', 'Namespace', { ...cluster, ...short('ns'), ...status, verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'] }, namespace),
    kind('v1', 'nodes', 'Node', { ...cluster, ...short('no'), ...status }, node),
    kind('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', { ...short('pvc'), ...status }, persistentVolumeClaim),
    kind('v1', 'persistentvolumes', 'PersistentVolume', { ...cluster, ...short('pv'), ...status }, persistentVolume),
    kind('v1', 'pods', 'Pod', { ...short('po'), ...all, ...status, ...spec, statusKeepsMetadata: ['ownerReferences'] }, pod),
    kind('v1', 'podtemplates', 'PodTemplate', { generation: 'all' }, podTemplate),
    kind('v1', 'replicationcontrollers', 'ReplicationController', { ...short('rc'), ...all, ...status, ...spec, ...scale }, replicationController),
    kind('v1', 'resourcequotas', 'ResourceQuota', { ...short('quota'), ...status }, resourceQuota),
    kind('v1', 'secrets', 'Secret', {}, secret),
    kind('v1', 'serviceaccounts', 'ServiceAccount', { ...short('sa') }, serviceAccount),
    kind('v1', 'services', 'Service', { ...short('svc'), ...all, ...status, ...upsert }, service),

    kind('apps/v1', 'controllerrevisions', 'ControllerRevision', {}, controllerRevision),
    kind('apps/v1', 'daemonsets', 'DaemonSet', { ...short('ds'), ...all, ...status, ...spec }, daemonSet),
    kind('apps/v1', 'deployments', 'Deployment', { ...short('deploy'), ...all, ...status, generation: 'spec-and-annotations', ...scale, statusKeepsMetadata: ['labels'] }, deployment),
    kind('apps/v1', 'replicasets', 'ReplicaSet', { ...short('rs'), ...all, ...status, ...spec, ...scale }, replicaSet),
    kind('apps/v1', 'statefulsets', 'StatefulSet', { ...short('sts'), ...all, ...status, ...spec, ...scale }, statefulSet),

    kind('events.k8s.io/v1', 'events', 'Event', { ...short('ev'), ...upsert }, groupedEvent),

    kind('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', { ...short('hpa'), ...all, ...status }, horizontalPodAutoscaler),
    kind('autoscaling/v1', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', { ...short('hpa'), ...all, ...status }, horizontalPodAutoscalerV1),

    kind('batch/v1', 'cronjobs', 'CronJob', { ...short('cj'), ...all, ...status, ...spec }, cronJob),
    kind('batch/v1', 'jobs', 'Job', { ...all, ...status, ...spec }, job),

    kind('certificates.k8s.io/v1', 'certificatesigningrequests', 'CertificateSigningRequest', { ...cluster, ...short('csr'), ...status }, certificateSigningRequest),

    kind('networking.k8s.io/v1', 'ingressclasses', 'IngressClass', { ...cluster, ...spec }, ingressClass),
    kind('networking.k8s.io/v1', 'ingresses', 'Ingress', { ...short('ing'), ...status, ...spec }, ingress),
    kind('networking.k8s.io/v1', 'ipaddresses', 'IPAddress', { ...cluster, ...short('ip') }, ipAddress),
    kind('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', { ...short('netpol'), ...spec }, networkPolicy),
    kind('networking.k8s.io/v1', 'servicecidrs', 'ServiceCIDR', { ...cluster, ...status }, serviceCidr),

    kind('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', { ...short('pdb'), ...status, ...spec, ...conditional }, podDisruptionBudget),

    kind('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', { ...cluster, ...upsert }, clusterRoleBinding),
    kind('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', { ...cluster, ...upsert }, clusterRole),
    kind('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding', { ...upsert }, roleBinding),
    kind('rbac.authorization.k8s.io/v1', 'roles', 'Role', { ...upsert }, role),

    kind('storage.k8s.io/v1', 'csidrivers', 'CSIDriver', { ...cluster, ...conditional }, csiDriver),
    kind('storage.k8s.io/v1', 'csinodes', 'CSINode', { ...cluster }, csiNode),
    kind('storage.k8s.io/v1', 'csistoragecapacities', 'CSIStorageCapacity', {}, csiStorageCapacity),
    kind('storage.k8s.io/v1', 'storageclasses', 'StorageClass', { ...cluster, ...short('sc') }, storageClass),
    kind('storage.k8s.io/v1', 'volumeattachments', 'VolumeAttachment', { ...cluster, ...status, ...conditional }, volumeAttachment),
    kind('storage.k8s.io/v1', 'volumeattributesclasses', 'VolumeAttributesClass', { ...cluster, ...short('vac') }, volumeAttributesClass),

    kind('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', { ...cluster, ...short('crd', 'crds'), categories: ['api-extensions'], ...status, ...spec, ...conditional }, customResourceDefinition),

    kind('admissionregistration.k8s.io/v1', 'mutatingadmissionpolicies', 'MutatingAdmissionPolicy', { ...cluster, categories: ['api-extensions'], ...spec, ...conditional }, mutatingAdmissionPolicy),
    kind('admissionregistration.k8s.io/v1', 'mutatingadmissionpolicybindings', 'MutatingAdmissionPolicyBinding', { ...cluster, categories: ['api-extensions'], ...spec, ...conditional }, mutatingAdmissionPolicyBinding),
    kind('admissionregistration.k8s.io/v1', 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', { ...cluster, generation: 'all', categories: ['api-extensions'], ...conditional }, mutatingWebhookConfiguration),
    kind('admissionregistration.k8s.io/v1', 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', { ...cluster, categories: ['api-extensions'], ...status, ...spec, ...conditional }, validatingAdmissionPolicy),
    kind('admissionregistration.k8s.io/v1', 'validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', { ...cluster, categories: ['api-extensions'], ...spec, ...conditional }, validatingAdmissionPolicyBinding),
    kind('admissionregistration.k8s.io/v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', { ...cluster, generation: 'all', categories: ['api-extensions'], ...conditional }, validatingWebhookConfiguration),

    kind('scheduling.k8s.io/v1', 'priorityclasses', 'PriorityClass', { ...cluster, ...short('pc') }, priorityClass),

    kind('coordination.k8s.io/v1', 'leases', 'Lease', { ...upsert, ...conditional }, lease),

    kind('node.k8s.io/v1', 'runtimeclasses', 'RuntimeClass', { ...cluster, ...conditional }, runtimeClass),

    kind('resource.k8s.io/v1', 'deviceclasses', 'DeviceClass', { ...cluster, ...spec }, deviceClass),
    kind('resource.k8s.io/v1', 'resourceclaims', 'ResourceClaim', { ...status }, resourceClaim),
    kind('resource.k8s.io/v1', 'resourceclaimtemplates', 'ResourceClaimTemplate', {}, resourceClaimTemplate),
    kind('resource.k8s.io/v1', 'resourceslices', 'ResourceSlice', { ...cluster, ...spec }, resourceSlice),

    kind('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', { generation: 'all' }, endpointSlice),
  ];
}
