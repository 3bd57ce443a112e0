/** OverridePolicy and ClusterOverridePolicy: how a template is changed for some clusters. */
import type { KubeObject } from '../../../apimachinery/object.ts';
import type { ClusterAffinity, ResourceSelector } from './propagation-policy.ts';

export interface OverridePolicy extends KubeObject {
  spec: OverrideSpec;
}

/** Same fields as OverridePolicy, cluster-scoped. */
export interface ClusterOverridePolicy extends KubeObject {
  spec: OverrideSpec;
}

export interface OverrideSpec {
  /** Absent or empty: all templates. */
  resourceSelectors?: ResourceSelector[];
  overrideRules?: RuleWithCluster[];
  /** Deprecated form, exclusive with overrideRules. */
  targetCluster?: ClusterAffinity;
  /** Deprecated form; typed clients always send it, often as {}. */
  overriders?: Overriders;
}

export interface RuleWithCluster {
  /** Absent: every cluster. */
  targetCluster?: ClusterAffinity;
  overriders: Overriders;
}

/** Applied in the order image, command, args, labels, annotations, field, plaintext. */
export interface Overriders {
  imageOverrider?: ImageOverrider[];
  commandOverrider?: CommandArgsOverrider[];
  argsOverrider?: CommandArgsOverrider[];
  labelsOverrider?: LabelAnnotationOverrider[];
  annotationsOverrider?: LabelAnnotationOverrider[];
  fieldOverrider?: FieldOverrider[];
  plaintext?: PlaintextOverrider[];
}

export type OverriderOperator = 'add' | 'remove' | 'replace';

export interface ImageOverrider {
  /** Absent: the containers of the kinds that have a Pod template. */
  predicate?: { path: string };
  component: 'Registry' | 'Repository' | 'Tag';
  operator: OverriderOperator;
  value?: string;
}

export interface CommandArgsOverrider {
  containerName: string;
  operator: 'add' | 'remove';
  value?: string[];
}

export interface LabelAnnotationOverrider {
  operator: OverriderOperator;
  value: Record<string, string>;
}

export interface FieldOverrider {
  /** RFC 6901 pointer to a string field that holds JSON or YAML. */
  fieldPath: string;
  json?: FieldPatchOperation[];
  yaml?: FieldPatchOperation[];
}

export interface FieldPatchOperation {
  subPath: string;
  operator: OverriderOperator;
  value?: unknown;
}

export interface PlaintextOverrider {
  path: string;
  operator: OverriderOperator;
  value?: unknown;
}
