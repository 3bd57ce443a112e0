/** What a scheduling run found on its way: the facts that its result follows from. Collected only where somebody asks for it. */
import type { TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Refusal } from '../framework/framework.ts';

export interface ClusterTrace {
  name: string;
  /** The filter that refused the cluster; those before it in the list let it pass, those after it were not asked. */
  refusedBy?: string;
  reason?: string;
  /** Later filters that would have refused it, too: what else to put right. */
  alsoRefusedBy?: readonly Refusal[];
  /** Of clusters that passed: the sum of all scores. */
  score?: number;
  /** What single plugins gave; those that gave nothing are left out. */
  scores?: Readonly<Record<string, number>>;
  /** Replicas that fit, by estimator, in the order of `RunTrace.estimators`; −1: it does not know. */
  estimates?: readonly number[];
  /** The least of the estimates, or what stands for it where nobody knows. */
  allocatable?: number;
  /** `allocatable` and what the binding has there already. */
  available?: number;
  /** Of clusters that passed and have one. */
  region?: string;
  /** Tier of an ordered affinity, where there are tiers. */
  tier?: number;
}

export interface GroupTrace {
  region: string;
  clusters: number;
  score: number;
  chosen: boolean;
}

export interface SelectionTrace {
  /** `all`: nothing limits the clusters. */
  by: 'all' | 'cluster' | 'region';
  /** There are spread constraints, but fixed weights name their clusters themselves. */
  ignored?: boolean;
  /** Of the constraint by cluster, and of the one by region. */
  cluster?: Range;
  region?: Range;
  /** Clusters that had to give way to roomier ones, each with the one that came. */
  exchanged?: readonly { out: string; in: string }[];
}

interface Range {
  readonly minGroups: number;
  readonly maxGroups: number;
}

export interface PartyTrace {
  name: string;
  /** Weight or room that the seats are shared by. */
  votes: number;
  /** Replicas that stay from before. */
  kept: number;
  /** Replicas that the division adds. */
  seats: number;
}

export interface DivisionTrace {
  strategy: 'Duplicated' | 'Aggregated' | 'StaticWeight' | 'DynamicWeight';
  /** Why this many seats: all anew, fewer than are placed, more than are placed, or as many. */
  mode: 'copy' | 'weights' | 'fresh' | 'scale down' | 'scale up' | 'unchanged';
  /** Replicas to share out. */
  seats: number;
  /** Which name wins a tie of votes and seats; the UID of the template decides. */
  ties: 'ascending' | 'descending';
  parties: PartyTrace[];
}

export interface RunTrace {
  /** The term of ordered affinities that this run tried; empty without. */
  affinityName: string;
  fresh: boolean;
  filters: readonly string[];
  estimators: readonly string[];
  /** Estimators that failed, with the reason: they count for no cluster of this run. */
  ignoredEstimators: { name: string; reason: string }[];
  clusters: ClusterTrace[];
  selection?: SelectionTrace;
  groups: GroupTrace[];
  /** In order of preference. */
  selected: string[];
  /** One, or one a tier. */
  divisions: DivisionTrace[];
  targets?: readonly TargetCluster[];
  error?: string;
}

export function emptyTrace(affinityName: string, fresh: boolean): RunTrace {
  return {
    affinityName,
    fresh,
    filters: [],
    estimators: [],
    ignoredEstimators: [],
    clusters: [],
    groups: [],
    selected: [],
    divisions: [],
  };
}
