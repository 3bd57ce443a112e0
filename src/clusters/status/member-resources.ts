/** Sums over the nodes and pods of each member, computed again only when one of them has changed. */
import { cloneJson, type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import type { ClusterStatus, ResourceModel } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { Informer } from '../../client/informer.ts';
import { nodes, pods } from '../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import type { MemberCluster, MemberClusters } from '../../members/member-clusters.ts';
import { nodeSummary, resourceSummary } from './resource-summary.ts';

type Summaries = Pick<ClusterStatus, 'nodeSummary' | 'resourceSummary'>;

export interface MemberResources {
  /** Rejects when the caches of the member are not filled in time. Cost: nodes + pods when one changed, else nothing. */
  summarize(member: MemberCluster, models: DeepReadonly<ResourceModel[]>): Promise<Summaries>;
}

interface Known {
  member: MemberCluster;
  nodes: Informer<Node>;
  pods: Informer<Pod>;
  changed: boolean;
  models: DeepReadonly<ResourceModel[]>;
  summaries: Summaries;
}

export function createMemberResources(members: MemberClusters): MemberResources {
  const known = new Map<string, Known>();
  members.onClosed((cluster) => known.delete(cluster));

  const follow = async (member: MemberCluster): Promise<Known> => {
    const [nodeInformer, podInformer] = await Promise.all([
      member.syncedInformer<Node>(nodes),
      member.syncedInformer<Pod>(pods),
    ]);
    const entry: Known = { member, nodes: nodeInformer, pods: podInformer, changed: true, models: [], summaries: {} };
    const touch = () => {
      entry.changed = true;
    };
    nodeInformer.addHandler({
      added: touch,
      deleted: touch,
      updated: (node, old) => differs(node.status, old.status, touch),
    });
    // A pod counts by what it asks for, where it is, and whether it has ended.
    podInformer.addHandler({
      added: touch,
      deleted: touch,
      updated(pod, old) {
        if (pod.spec?.nodeName !== old.spec?.nodeName || pod.status?.phase !== old.status?.phase) touch();
      },
    });
    return entry;
  };

  return {
    async summarize(member, models) {
      let entry = known.get(member.name);
      if (entry === undefined || entry.member !== member) {
        entry = await follow(member);
        known.set(member.name, entry);
      }
      if (entry.changed || !deepEqual(entry.models, models)) {
        entry.changed = false;
        entry.models = models;
        const nodeList = entry.nodes.list();
        entry.summaries = {
          nodeSummary: nodeSummary(nodeList),
          resourceSummary: resourceSummary(nodeList, entry.pods.list(), models),
        };
      }
      return cloneJson(entry.summaries);
    },
  };
}

/** Heartbeats move times in the conditions only. */
function differs(status: DeepReadonly<Node['status']>, old: DeepReadonly<Node['status']>, touch: () => void): void {
  const ready = (of: typeof status) => of?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  if (ready(status) !== ready(old) || !deepEqual(status?.allocatable, old?.allocatable)) touch();
}
