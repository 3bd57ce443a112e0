/** Whether a node may have the pods of a claim: by its labels and taints. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import { toleratesTaint } from '../../apis/tolerates-taint.ts';
import type { NodeClaim, NodeSelectorTerm } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { SharedNode } from './node-snapshot.ts';

type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];
export function mayUseNode(node: SharedNode, claim: DeepReadonly<NodeClaim> | undefined): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(claim?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const terms = claim?.hardNodeAffinity?.nodeSelectorTerms;
  if (terms !== undefined && !terms.some((term) => matchesTerm(term, node))) return false;
  const tolerations = claim?.tolerations ?? [];
  const taints = [...(node.spec?.taints ?? [])] as Taint[];
  if (node.spec?.unschedulable) taints.push({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' });
  return taints.every(
    (taint) =>
      (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') ||
      tolerations.some((toleration) => toleratesTaint(toleration, taint)),
  );
}

/** All requirements of a term; a term without any matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: DeepReadonly<NodeSelectorTerm>, node: SharedNode) {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return (
    matchExpressions.every((requirement) => matches(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) =>
      matches(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined),
    )
  );
}

function matches({ operator, values = [] }: DeepReadonly<Requirement>, value: string | undefined): boolean {
  const numbers = [value, values[0]].every((text) => text !== undefined && /^[+-]?\d+$/.test(text));
  switch (operator as string) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return numbers && Number(value) > Number(values[0]);
    case 'Lt':
      return numbers && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
