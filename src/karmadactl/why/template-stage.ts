/** What in the template itself, its kind or its namespace keeps it where it is. Pure. */
import { findCondition } from '../../apimachinery/conditions.ts';
import {
  claimedByLabel,
  deletionProtectedAlways,
  deletionProtectedLabel,
  skipAutoPropagationLabel,
} from '../../apis/constants.ts';
import { createSkippedResources } from '../../propagation/detector/skipped-resources.ts';
import { argumentsOf, clusterOfWork, type Problem, titleOf, type WhyFacts } from './facts.ts';

/** As upstream's defaults: what the flags of the controller manager add is not known here. */
const skipped = createSkippedResources('', ['kube-.*']);

export function templateProblems(facts: WhyFacts): Problem[] {
  const { template, type } = facts;
  const { namespace = '', name = '', labels } = template.metadata;
  const problems: Problem[] = [];
  if (skipped.skipsKind(type))
    problems.push({
      cause: 'KindSkipped',
      severity: 'stuck',
      message: `objects of kind ${type.kind} (${type.group || type.version}) are never propagated`,
      next: 'karmadactl api-resources',
    });
  else if (namespace !== '' && skipped.skipsObject(type, namespace, name))
    problems.push({
      cause: 'NamespaceSkipped',
      severity: 'stuck',
      message: `objects of namespace ${namespace} are not propagated: Karmada and Kubernetes keep it for themselves, or --skipped-propagating-namespaces names it`,
      next: `karmadactl get ${argumentsOf(facts)} -o yaml`,
    });
  const claimedBy = labels?.[claimedByLabel];
  if (claimedBy)
    problems.push({
      cause: 'ClaimedByOtherApi',
      severity: 'stuck',
      message: `policies leave it alone: the label ${claimedByLabel} says that ${claimedBy} rules it`,
      next: `karmadactl get ${claimedBy.toLowerCase()}${namespace === '' ? '' : ` -n ${namespace}`}`,
    });
  const deletion = deletionProblem(facts);
  if (deletion !== undefined) problems.push(deletion);
  else if (labels?.[deletionProtectedLabel] === deletionProtectedAlways)
    problems.push({
      cause: 'DeletionProtected',
      severity: 'note',
      message: `deleting it is refused as long as it has the label ${deletionProtectedLabel}=${deletionProtectedAlways}`,
      next: `karmadactl label ${argumentsOf(facts)} ${deletionProtectedLabel}-`,
    });
  return [...problems, ...namespaceProblems(facts)];
}

/** Who is waited for before it may go. */
function deletionProblem(facts: WhyFacts): Problem | undefined {
  const { template, works, clusters } = facts;
  const since = template.metadata.deletionTimestamp;
  if (since === undefined) return undefined;
  const away = works
    .map(clusterOfWork)
    .filter((name) => readyStatus(clusters.find(({ metadata }) => metadata.name === name)?.status) !== 'True');
  const finalizers = template.metadata.finalizers ?? [];
  if (away.length > 0 && finalizers.every((finalizer) => finalizer.includes('karmada.io')))
    return {
      cause: 'DeletionWaitsForCluster',
      severity: 'stuck',
      message: `it is being deleted, and ${away.join(', ')} must be reached to remove it there`,
      since,
      next: `karmadactl describe cluster ${away[0]}`,
    };
  return {
    cause: 'DeletionWaitsForFinalizer',
    severity: 'stuck',
    message:
      finalizers.length === 0
        ? 'it is being deleted'
        : `it is being deleted, and stays until ${finalizers.join(', ')} ${finalizers.length === 1 ? 'is' : 'are'} taken away from its finalizers by their owners`,
    since,
    next: `karmadactl get ${argumentsOf(facts)} -o yaml`,
  };
}

const readyStatus = (status: WhyFacts['clusters'][number]['status']): string =>
  findCondition(status?.conditions, 'Ready')?.status ?? 'Unknown';

function namespaceProblems(facts: WhyFacts): Problem[] {
  const { namespace } = facts;
  const name = namespace?.metadata.name ?? '';
  if (namespace === undefined) return [];
  const problems: Problem[] = [];
  if (namespace.metadata.deletionTimestamp !== undefined)
    problems.push({
      cause: 'NamespaceTerminating',
      severity: 'stuck',
      message: `its namespace ${name} is being deleted`,
      since: namespace.metadata.deletionTimestamp,
      next: `karmadactl describe namespace ${name}`,
    });
  if (namespace.metadata.labels?.[skipAutoPropagationLabel]?.toLowerCase() === 'true')
    problems.push({
      cause: 'NamespaceNotPropagated',
      // It is in the way only of members that do not have the namespace; the member's answer tells of those.
      severity: 'note',
      message: `namespace ${name} is not made in members (label ${skipAutoPropagationLabel}=true): ${titleOf(facts)} needs it there`,
      next: `karmadactl label namespace ${name} ${skipAutoPropagationLabel}-`,
    });
  return problems;
}
