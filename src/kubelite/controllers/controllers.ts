/** The controllers of this room, under the names by which kube-controller-manager's `--controllers` knows them. */
import type { Runnable } from '../../controller/manager.ts';
import { createAddressAllocator } from './addresses/address-allocator.ts';
import { createIngressController } from './addresses/ingress-controller.ts';
import { createLoadBalancerController } from './addresses/load-balancer-controller.ts';
import { createServiceCidrController } from './addresses/service-cidr-controller.ts';
import { createAutoscalerController } from './autoscaling/autoscaler-controller.ts';
import type { ControllerContext } from './controller-context.ts';
import { createCronJobController } from './cron-job/cron-job-controller.ts';
import { createDaemonSetController } from './daemon-set/daemon-set-controller.ts';
import { createDeploymentController } from './deployment/deployment-controller.ts';
import { createDisruptionController } from './disruption/disruption-controller.ts';
import { createEndpointSliceController } from './endpoints/endpoint-slice-controller.ts';
import { createEndpointSliceMirroringController } from './endpoints/endpoint-slice-mirroring-controller.ts';
import { createEndpointsController } from './endpoints/endpoints-controller.ts';
import { createJobController } from './job/job-controller.ts';
import { createTtlAfterFinishedController } from './job/ttl-after-finished-controller.ts';
import { createNodeLifecycleController } from './node-lifecycle/node-lifecycle-controller.ts';
import { createTaintEvictionController } from './node-lifecycle/taint-eviction-controller.ts';
import { createPodGarbageCollector } from './pod-garbage-collector.ts';
import { providerIdentity } from './provider-rights.ts';
import { createReplicaSetController, createReplicationController } from './replica-set/replica-set-controller.ts';
import { createStatefulSetController } from './stateful-set/stateful-set-controller.ts';
import { createEphemeralVolumeController } from './volumes/ephemeral-volume-controller.ts';
import { createPersistentVolumeBinder } from './volumes/persistent-volume-binder.ts';
import { createClaimProtection, createVolumeProtection } from './volumes/protection-controllers.ts';
import { createSimulatedProvisioner, createVolumeExpander, provisionerName } from './volumes/simulated-provisioner.ts';

export interface ControllerSettings {
  /** Pauses of Jobs between failing pods: the base. Default 10 s. */
  restartBackoff?: { baseMs: number } | undefined;
  /** Default 50 s. */
  nodeMonitorGraceMs: number;
  /** How often HorizontalPodAutoscalers are looked at. Default 15 s. */
  autoscalerPeriodMs?: number | undefined;
  /** The first three parts of the addresses of LoadBalancers and Ingresses. */
  addressPrefix: string;
  /** Where clusterIPs come from. */
  serviceCidr: string;
}

export interface WorkloadController {
  /** The present name, then the older ones, which work as well. */
  names: readonly [string, ...string[]];
  /** The service account in kube-system that it acts as. */
  identity: string;
  /** `source.component` of its Events. */
  component: string;
  /** Must be called before the informers start. */
  create(context: ControllerContext, settings: ControllerSettings): Runnable;
}

export const workloadControllers: readonly WorkloadController[] = [
  {
    names: ['deployment-controller', 'deployment'],
    identity: 'deployment-controller',
    component: 'deployment-controller',
    create: createDeploymentController,
  },
  {
    names: ['replicaset-controller', 'replicaset'],
    identity: 'replicaset-controller',
    component: 'replicaset-controller',
    create: createReplicaSetController,
  },
  {
    names: ['replicationcontroller-controller', 'replicationcontroller'],
    identity: 'replication-controller',
    component: 'replication-controller',
    create: createReplicationController,
  },
  {
    names: ['statefulset-controller', 'statefulset'],
    identity: 'statefulset-controller',
    component: 'statefulset-controller',
    create: createStatefulSetController,
  },
  {
    names: ['daemonset-controller', 'daemonset'],
    identity: 'daemon-set-controller',
    component: 'daemonset-controller',
    create: createDaemonSetController,
  },
  {
    names: ['job-controller', 'job'],
    identity: 'job-controller',
    component: 'job-controller',
    create: (context, { restartBackoff }) =>
      createJobController(context, { baseMs: restartBackoff?.baseMs ?? 10_000, maxMs: 600_000 }),
  },
  {
    names: ['ttl-after-finished-controller', 'ttl-after-finished'],
    identity: 'ttl-after-finished-controller',
    component: 'ttl-after-finished-controller',
    create: createTtlAfterFinishedController,
  },
  {
    names: ['cronjob-controller', 'cronjob'],
    identity: 'cronjob-controller',
    component: 'cronjob-controller',
    create: createCronJobController,
  },
  {
    names: ['endpoints-controller', 'endpoint'],
    identity: 'endpoint-controller',
    component: 'endpoint-controller',
    create: createEndpointsController,
  },
  {
    names: ['endpointslice-controller', 'endpointslice'],
    identity: 'endpointslice-controller',
    component: 'endpoint-slice-controller',
    create: createEndpointSliceController,
  },
  {
    names: ['endpointslice-mirroring-controller', 'endpointslicemirroring'],
    identity: 'endpointslicemirroring-controller',
    component: 'endpoint-slice-mirroring-controller',
    create: createEndpointSliceMirroringController,
  },
  {
    names: ['horizontal-pod-autoscaler-controller', 'horizontalpodautoscaling'],
    identity: 'horizontal-pod-autoscaler',
    component: 'horizontal-pod-autoscaler',
    create: (context, { autoscalerPeriodMs }) => createAutoscalerController(context, { periodMs: autoscalerPeriodMs }),
  },
  {
    names: ['disruption-controller', 'disruption'],
    identity: 'disruption-controller',
    component: 'controllermanager',
    create: createDisruptionController,
  },
  {
    names: ['node-lifecycle-controller', 'nodelifecycle'],
    identity: 'node-controller',
    component: 'node-controller',
    create: (context, { nodeMonitorGraceMs }) =>
      createNodeLifecycleController(context, { graceMs: nodeMonitorGraceMs }),
  },
  {
    names: ['taint-eviction-controller'],
    identity: 'node-controller',
    component: 'taint-eviction-controller',
    create: createTaintEvictionController,
  },
  {
    names: ['pod-garbage-collector-controller', 'podgc'],
    identity: 'pod-garbage-collector',
    component: 'pod-garbage-collector',
    create: createPodGarbageCollector,
  },
  {
    names: ['persistentvolume-binder-controller', 'persistentvolume-binder'],
    identity: 'persistent-volume-binder',
    component: 'persistentvolume-controller',
    create: createPersistentVolumeBinder,
  },
  {
    names: ['persistentvolume-protection-controller', 'pv-protection'],
    identity: 'pv-protection-controller',
    component: 'pv-protection-controller',
    create: createVolumeProtection,
  },
  {
    names: ['persistentvolumeclaim-protection-controller', 'pvc-protection'],
    identity: 'pvc-protection-controller',
    component: 'pvc-protection-controller',
    create: createClaimProtection,
  },
  {
    names: ['persistentvolume-expander-controller', 'persistentvolume-expander'],
    identity: providerIdentity,
    component: provisionerName,
    create: createVolumeExpander,
  },
  {
    names: ['ephemeral-volume-controller', 'ephemeral-volume'],
    identity: 'ephemeral-volume-controller',
    component: 'ephemeral_volume',
    create: createEphemeralVolumeController,
  },
  {
    names: ['kubelite-provisioner'],
    identity: providerIdentity,
    component: provisionerName,
    create: createSimulatedProvisioner,
  },
  {
    names: ['service-lb-controller', 'service'],
    identity: providerIdentity,
    component: 'service-controller',
    create: (context, { addressPrefix }) =>
      createLoadBalancerController(context, createAddressAllocator(`${addressPrefix}.2`, 253)),
  },
  {
    names: ['service-cidr-controller'],
    identity: providerIdentity,
    component: 'service-cidr-controller',
    create: (context, { serviceCidr }) => createServiceCidrController(context, serviceCidr),
  },
  {
    names: ['kubelite-ingress'],
    identity: providerIdentity,
    component: 'kubelite-ingress',
    create: (context, { addressPrefix }) => createIngressController(context, `${addressPrefix}.1`),
  },
];
