/** What speaks against a node, and what speaks for it: the two shapes in which rules about placement come. */
import type { NodeState } from './cluster-state.ts';

export interface Refusal {
  /** In upstream's words. */
  readonly reasons: readonly string[];
  /** Removing pods from the node would not help. */
  readonly final: boolean;
}

/** Made for one decision. Undefined: the node will do. */
export type PlacementRule = (node: NodeState) => Refusal | undefined;

/** Made for one decision: a score of 0 to 100 for each of the nodes, times a weight. */
export interface Preference {
  readonly weight: number;
  scores(nodes: readonly NodeState[]): ArrayLike<number>;
}

export const refuse = (reason: string, final = false): Refusal => ({ reasons: [reason], final });
