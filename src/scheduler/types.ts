/** What the steps of a scheduling run hand to each other. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { Cluster as ClusterObject } from '../apis/cluster/v1alpha1/cluster.ts';
import type {
  ClusterResourceBinding,
  ResourceBinding,
  ResourceBindingSpec,
} from '../apis/work/v1alpha2/resource-binding.ts';
import type { RunTrace } from './why/run-trace.ts';

export type Cluster = DeepReadonly<ClusterObject>;
export type Binding = DeepReadonly<ResourceBinding> | DeepReadonly<ClusterResourceBinding>;
export type BindingSpec = DeepReadonly<ResourceBindingSpec>;

/** The binding as one run sees it. */
export interface SchedulingTask {
  spec: BindingSpec;
  /** The term of spec.placement.clusterAffinities that this run tries; empty without terms. */
  affinityName: string;
  /** A reschedule was asked for: previous results count only as capacity. */
  fresh: boolean;
  /** The unit of room is a set of all components, and one set is wanted (gate MultiplePodTemplatesScheduling). */
  componentSets?: boolean | undefined;
  /** Where bindings of the same affinity groups are (gate WorkloadAffinity). */
  peers?: Peers | undefined;
  /** Where the run writes down what it finds, if somebody wants to know. */
  trace?: RunTrace | undefined;
}

/** Clusters of other bindings of the same namespace and group. */
export interface Peers {
  /** Of each peer that is placed: it wants company there. */
  together: readonly ReadonlySet<string>[];
  /** Of all peers that want to be apart. */
  apart: ReadonlySet<string>;
}

/** A feasible cluster. */
export interface Candidate {
  cluster: Cluster;
  name: string;
  score: number;
  /** Tier of an ordered affinity: 0 for its own clusters, then one for each overflow. */
  overflowOrder: number;
  /** Replicas that fit beside what runs. */
  allocatable: number;
  /** `allocatable` and what the binding already has there. */
  available: number;
}

/** The order of clusters wherever they are sorted. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.overflowOrder - b.overflowOrder || b.score - a.score || b.available - a.available || (a.name < b.name ? -1 : 1)
  );
}

/** Whether there are replicas to speak of. */
export function isWorkload(spec: BindingSpec): boolean {
  return (spec.replicas ?? 0) > 0 || spec.replicaRequirements !== undefined || (spec.components?.length ?? 0) > 0;
}

/** Several templates that must stay together: exactly one cluster takes a whole set of them. */
export function placesComponentSets(spec: BindingSpec): boolean {
  if ((spec.components?.length ?? 0) === 0) return false;
  const cluster = spec.placement?.spreadConstraints?.find(({ spreadByField }) => spreadByField === 'cluster');
  return cluster?.minGroups === 1 && cluster.maxGroups === 1;
}

export function isDivided(spec: BindingSpec): boolean {
  return spec.placement?.replicaScheduling?.replicaSchedulingType === 'Divided';
}

export function isDuplicated(spec: BindingSpec): boolean {
  const strategy = spec.placement?.replicaScheduling;
  return strategy === undefined || strategy.replicaSchedulingType === 'Duplicated';
}

/** A trigger that came after the last success. */
export function isRescheduleRequested(binding: Binding): boolean {
  const asked = binding.spec.rescheduleTriggeredAt;
  const done = binding.status?.lastScheduledTime;
  return asked !== undefined && done !== undefined && Date.parse(asked) > Date.parse(done);
}
