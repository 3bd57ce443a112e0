/**
 * The built-in kinds, one row each: where it is served, its names, and how writes treat it. What a kind does of its own
 * (defaults, validation, columns) is in <group>/<kind>.ts.
 */
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import { type KindRow, defineKind as kind } from './kind.ts';

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
    kind('v1', 'configmaps', 'ConfigMap', { ...short('cm') }),
    kind('v1', 'endpoints', 'Endpoints', { ...short('ep'), ...upsert }),
    kind('v1', 'events', 'Event', { ...short('ev'), ...upsert }),
    kind('v1', 'limitranges', 'LimitRange', { ...short('limits'), ...upsert }),
    kind('v1', 'namespaces', 'Namespace', { ...cluster, ...short('ns'), ...status, verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'] }),
    kind('v1', 'nodes', 'Node', { ...cluster, ...short('no'), ...status }),
    kind('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', { ...short('pvc'), ...status }),
    kind('v1', 'persistentvolumes', 'PersistentVolume', { ...cluster, ...short('pv'), ...status }),
    kind('v1', 'pods', 'Pod', { ...short('po'), ...all, ...status, ...spec, statusKeepsMetadata: ['ownerReferences'] }),
    kind('v1', 'podtemplates', 'PodTemplate', { generation: 'all' }),
    kind('v1', 'replicationcontrollers', 'ReplicationController', { ...short('rc'), ...all, ...status, ...spec, ...scale }),
    kind('v1', 'resourcequotas', 'ResourceQuota', { ...short('quota'), ...status }),
    kind('v1', 'secrets', 'Secret', {}),
    kind('v1', 'serviceaccounts', 'ServiceAccount', { ...short('sa') }),
    kind('v1', 'services', 'Service', { ...short('svc'), ...all, ...status, ...upsert }),

    kind('apps/v1', 'controllerrevisions', 'ControllerRevision', {}),
    kind('apps/v1', 'daemonsets', 'DaemonSet', { ...short('ds'), ...all, ...status, ...spec }),
    kind('apps/v1', 'deployments', 'Deployment', { ...short('deploy'), ...all, ...status, generation: 'spec-and-annotations', ...scale, statusKeepsMetadata: ['labels'] }),
    kind('apps/v1', 'replicasets', 'ReplicaSet', { ...short('rs'), ...all, ...status, ...spec, ...scale }),
    kind('apps/v1', 'statefulsets', 'StatefulSet', { ...short('sts'), ...all, ...status, ...spec, ...scale }),

    kind('events.k8s.io/v1', 'events', 'Event', { ...short('ev'), ...upsert }),

    kind('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', { ...short('hpa'), ...all, ...status }),

    kind('batch/v1', 'cronjobs', 'CronJob', { ...short('cj'), ...all, ...status, ...spec }),
    kind('batch/v1', 'jobs', 'Job', { ...all, ...status, ...spec }),

    kind('networking.k8s.io/v1', 'ingressclasses', 'IngressClass', { ...cluster, ...spec }),
    kind('networking.k8s.io/v1', 'ingresses', 'Ingress', { ...short('ing'), ...status, ...spec }),
    kind('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', { ...short('netpol'), ...spec }),

    kind('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', { ...short('pdb'), ...status, ...spec, ...conditional }),

    kind('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', { ...cluster, ...upsert }),
    kind('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', { ...cluster, ...upsert }),
    kind('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding', { ...upsert }),
    kind('rbac.authorization.k8s.io/v1', 'roles', 'Role', { ...upsert }),

    kind('storage.k8s.io/v1', 'csidrivers', 'CSIDriver', { ...cluster, ...conditional }),
    kind('storage.k8s.io/v1', 'csinodes', 'CSINode', { ...cluster }),
    kind('storage.k8s.io/v1', 'csistoragecapacities', 'CSIStorageCapacity', {}),
    kind('storage.k8s.io/v1', 'storageclasses', 'StorageClass', { ...cluster, ...short('sc') }),
    kind('storage.k8s.io/v1', 'volumeattachments', 'VolumeAttachment', { ...cluster, ...status, ...conditional }),
    kind('storage.k8s.io/v1', 'volumeattributesclasses', 'VolumeAttributesClass', { ...cluster, ...short('vac') }),

    kind('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', { ...cluster, ...short('crd', 'crds'), categories: ['api-extensions'], ...status, ...spec, ...conditional }),

    kind('scheduling.k8s.io/v1', 'priorityclasses', 'PriorityClass', { ...cluster, ...short('pc') }),

    kind('coordination.k8s.io/v1', 'leases', 'Lease', { ...upsert, ...conditional }),

    kind('node.k8s.io/v1', 'runtimeclasses', 'RuntimeClass', { ...cluster, ...conditional }),

    kind('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', { generation: 'all' }),
  ];
}
