/** Descriptions of objects, in kubectl's words and layout for the kinds that it knows. */
import type { KubeObject, Unstructured } from '../../apimachinery/object.ts';
import { describeBinding, describeRole, describeServiceAccount } from './access.ts';
import { describeAutoscaler } from './autoscaling.ts';
import { describeClaim } from './claims.ts';
import { describeConfigMap, describePriorityClass, describeSecret } from './config.ts';
import { type EventSubject, eventsAbout, eventTable } from './events.ts';
import { describeGeneric } from './generic.ts';
import { describeLimitRange, describeNamespace, describeQuota } from './namespaces.ts';
import {
  describeEndpointSlice,
  describeEndpoints,
  describeIngress,
  describeIngressClass,
  describeService,
} from './network.ts';
import { describeNode } from './nodes.ts';
import { createPage, type Page } from './page.ts';
import { describePod } from './pods.ts';
import { describeDisruptionBudget, describeNetworkPolicy } from './policies.ts';
import {
  describeCertificateRequest,
  describeCsiNode,
  describeIpAddress,
  describeServiceCidr,
  describeVolumeAttributesClass,
} from './rare.ts';
import type { Related } from './related.ts';
import { describeStorageClass, describeVolume } from './storage.ts';
import {
  describeCronJob,
  describeDaemonSet,
  describeDeployment,
  describeJob,
  describeReplicaSet,
  describeReplicationController,
  describeStatefulSet,
} from './workloads.ts';

type Write<T> = (page: Page, object: T, related: Related) => void | Promise<void>;

interface Describer {
  readonly write: Write<never>;
  readonly events: EventSubject | 'none';
}

const shows = <T extends KubeObject>(write: Write<T>, events: Describer['events'] = 'object'): Describer => ({
  write,
  events,
});

/** Without types of their own. */
const rare = (write: (page: Page, object: never) => void | Promise<void>): Describer => ({ write, events: 'object' });

const describers: Readonly<Record<string, Describer>> = {
  'v1/Pod': shows(describePod, 'pod'),
  'v1/Service': shows(describeService),
  'v1/Node': shows(describeNode, 'node'),
  'v1/ConfigMap': shows(describeConfigMap),
  'v1/Secret': shows(describeSecret, 'none'),
  'v1/Namespace': shows(describeNamespace, 'none'),
  'v1/ServiceAccount': shows(describeServiceAccount),
  'v1/PersistentVolume': shows(describeVolume),
  'v1/PersistentVolumeClaim': shows(describeClaim),
  'v1/ResourceQuota': shows(describeQuota, 'none'),
  'v1/LimitRange': shows(describeLimitRange, 'none'),
  'v1/Endpoints': shows(describeEndpoints),
  'v1/ReplicationController': shows(describeReplicationController),
  'apps/v1/Deployment': shows(describeDeployment),
  'apps/v1/ReplicaSet': shows(describeReplicaSet),
  'apps/v1/StatefulSet': shows(describeStatefulSet),
  'apps/v1/DaemonSet': shows(describeDaemonSet),
  'batch/v1/Job': shows(describeJob),
  'batch/v1/CronJob': shows(describeCronJob),
  'autoscaling/v2/HorizontalPodAutoscaler': shows(describeAutoscaler),
  'discovery.k8s.io/v1/EndpointSlice': shows(describeEndpointSlice),
  'networking.k8s.io/v1/Ingress': shows(describeIngress),
  'networking.k8s.io/v1/IngressClass': shows(describeIngressClass),
  'networking.k8s.io/v1/NetworkPolicy': shows(describeNetworkPolicy, 'none'),
  'policy/v1/PodDisruptionBudget': shows(describeDisruptionBudget),
  'rbac.authorization.k8s.io/v1/Role': shows(describeRole, 'none'),
  'rbac.authorization.k8s.io/v1/ClusterRole': shows(describeRole, 'none'),
  'rbac.authorization.k8s.io/v1/RoleBinding': shows(describeBinding, 'none'),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': shows(describeBinding, 'none'),
  'scheduling.k8s.io/v1/PriorityClass': shows(describePriorityClass),
  'storage.k8s.io/v1/StorageClass': shows(describeStorageClass),
  'storage.k8s.io/v1/CSINode': rare(describeCsiNode),
  'storage.k8s.io/v1/VolumeAttributesClass': rare(describeVolumeAttributesClass),
  'certificates.k8s.io/v1/CertificateSigningRequest': rare(describeCertificateRequest),
  'networking.k8s.io/v1/ServiceCIDR': rare(describeServiceCidr),
  'networking.k8s.io/v1/IPAddress': rare(describeIpAddress),
};

const generic = shows<Unstructured>(describeGeneric);

export async function describeObject(object: Unstructured, related: Related, withEvents: boolean): Promise<string> {
  const { write, events } = describers[`${object.apiVersion}/${object.kind}`] ?? generic;
  const page = createPage();
  await write(page, object as never, related);
  if (withEvents && events !== 'none') eventTable(page, await eventsAbout(object, events, related), related.now);
  return page.text();
}
