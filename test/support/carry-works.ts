/** The side of Karmada that carries Works to members, for tests of rooms that do not know it. */
import type { Client } from '../../src/client/client.ts';
import type { InformerFactory } from '../../src/client/informer.ts';
import type { ControllerOptions } from '../../src/controller/controller.ts';
import type { MemberClusters } from '../../src/members/member-clusters.ts';
import { createControlPlane, createWorkSide } from '../../src/propagation/create-control-plane.ts';
import { createExecutionController } from '../../src/propagation/execution/execution-controller.ts';
import { createMemberObjects } from '../../src/propagation/member-objects.ts';

export interface CarryWorksOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  members: MemberClusters;
  controllers: Partial<ControllerOptions>;
  /** Of an agent: its cluster. Default: all push clusters. */
  only?: string;
}

export function carryWorks({ client, informers, members, controllers, only }: CarryWorksOptions) {
  const side = { client, informers, controllers };
  const workSide = only === undefined ? createControlPlane(side) : createWorkSide({ ...side, cluster: only });
  return createExecutionController(workSide, {
    members: createMemberObjects(members),
    serves: ({ metadata, spec }) => (only === undefined ? spec.syncMode === 'Push' : metadata.name === only),
  });
}

/** A Work that carries one ConfigMap of its own name to namespace `default`. */
export const configMapWork = (namespace: string, name: string, data: Record<string, string>) => ({
  apiVersion: 'work.karmada.io/v1alpha1',
  kind: 'Work',
  metadata: { namespace, name, finalizers: ['karmada.io/execution-controller'] },
  spec: {
    workload: {
      manifests: [
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            namespace: 'default',
            name,
            labels: { 'karmada.io/managed': 'true' },
            annotations: { 'work.karmada.io/namespace': namespace, 'work.karmada.io/name': name },
          },
          data,
        },
      ],
    },
  },
});
