/** Replicas by the room on nodes that may have them. */
import type { Component, ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import { positiveRequests, type Requests } from '../countable.ts';
import { type Batch, countSets, occupy, replicasOnNode } from '../first-fit.ts';
import type { AssumedWorkload } from '../wire-form.ts';
import { type EstimatorPlugin, maxInt32 } from './estimation.ts';
import { mayUseNode } from './node-claim.ts';
import type { SnapshotNode } from './node-snapshot.ts';

export const nodeEstimator: EstimatorPlugin = {
  name: 'NodeResourceEstimator',
  replicas(requirements, { nodes, assumed }) {
    const rooms = nodes();
    occupyAssumed(rooms, assumed);
    const requests = considered(positiveRequests(requirements?.resourceRequest));
    let sum = 0;
    for (const room of rooms) if (mayUseNode(room.node, requirements?.nodeClaim)) sum += replicasOnNode(room, requests);
    return Math.min(sum, maxInt32);
  },
  sets(components, _namespace, { nodes, assumed }) {
    const rooms = nodes();
    occupyAssumed(rooms, assumed);
    return countSets(rooms, components.map(batchOf), podBound(rooms, components));
  },
};

function occupyAssumed(rooms: readonly SnapshotNode[], assumed: readonly AssumedWorkload[]): void {
  for (const { components } of assumed) for (const component of components) occupy(rooms, batchOf(component));
}

function batchOf({ replicas, replicaRequirements }: AssumedWorkload['components'][number]): Batch<SnapshotNode> {
  return {
    replicas,
    requests: considered(positiveRequests((replicaRequirements as ReplicaRequirements | undefined)?.resourceRequest)),
    mayUse: ({ node }) => mayUseNode(node, replicaRequirements?.nodeClaim),
  };
}

/** No more sets than all pods that are left allow. */
function podBound(rooms: readonly SnapshotNode[], components: readonly Component[]): number {
  const pods = rooms.reduce((sum, room) => sum + Math.max(room.pods, 0), 0);
  const each = components.reduce((sum, { replicas }) => sum + replicas, 0);
  return Math.min(maxInt32, each === 0 ? pods : Math.floor(pods / each));
}

/** What nodes are asked for: the basic resources, and those that have a domain or a prefix of their own. */
function considered(requests: Requests): Requests {
  return new Map(
    [...requests].filter(
      ([name]) =>
        ['cpu', 'memory', 'ephemeral-storage'].includes(name) ||
        name.includes('/') ||
        name.startsWith('hugepages-') ||
        name.startsWith('attachable-volumes-'),
    ),
  );
}
