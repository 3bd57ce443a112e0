/** What an estimation is about, and what a plugin of the estimator may say to it. */
import type { Component, ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { AssumedWorkload } from '../wire-form.ts';
import type { SnapshotNode } from './node-snapshot.ts';

export interface Estimation {
  /** Fresh for each plugin: it may use the room up. */
  nodes(): SnapshotNode[];
  assumed: readonly AssumedWorkload[];
}

export interface EstimatorPlugin {
  readonly name: string;
  /** Replicas that fit; undefined: the plugin sets no limit. Throws when it cannot say. */
  replicas(requirements: ReplicaRequirements | undefined, estimation: Estimation): number | undefined;
  /** The same for whole sets of components. */
  sets(components: readonly Component[], namespace: string, estimation: Estimation): number | undefined;
}

export const maxInt32 = 2 ** 31 - 1;
