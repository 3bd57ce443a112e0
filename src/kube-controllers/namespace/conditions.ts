/** The five conditions of a Namespace that is being deleted: all of them are there from the start, True means trouble. */
import { setCondition } from '../../apimachinery/conditions.ts';
import { apiVersionOf, type GroupVersion } from '../../apimachinery/group-version.ts';
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';

/** What deleting the content of a namespace found. */
export interface DeletionState {
  /** Group versions whose resources could not be read. */
  undiscovered: readonly GroupVersion[];
  /** Messages of resources that could not be deleted. */
  failures: readonly string[];
  /** `resource.group` → objects left. */
  remaining: ReadonlyMap<string, number>;
  /** Finalizer → objects left that have it. */
  finalizers: ReadonlyMap<string, number>;
}

export function deletionConditions(
  conditions: readonly DeepReadonly<Condition>[] | undefined,
  state: DeletionState,
  now: number,
): Condition[] {
  let result = conditions as readonly Condition[] | undefined;
  for (const condition of describe(state)) result = setCondition(result, condition, now);
  return result as Condition[];
}

type Text = { reason: string; message: string };

function describe(state: DeletionState): Omit<Condition, 'lastTransitionTime'>[] {
  const { undiscovered, failures, remaining, finalizers } = state;
  const condition = (type: string, ok: Text, trouble: Text | false) => ({
    type,
    status: trouble ? ('True' as const) : ('False' as const),
    ...(trouble || ok),
  });
  return [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      { reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
      undiscovered.length > 0 && {
        reason: 'DiscoveryFailed',
        message: `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${undiscovered.map(apiVersionOf).sort().join(', ')}`,
      },
    ),
    // Group versions arrive parsed here, so this one never fails.
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      { reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
      false,
    ),
    condition(
      'NamespaceDeletionContentFailure',
      { reason: 'ContentDeleted', message: 'All content successfully deleted, may be waiting on finalization' },
      failures.length > 0 && {
        reason: 'ContentDeletionFailed',
        message: `Failed to delete all resource types, ${failures.length} remaining: ${[...failures].sort().join(', ')}`,
      },
    ),
    condition(
      'NamespaceContentRemaining',
      { reason: 'ContentRemoved', message: 'All content successfully removed' },
      remaining.size > 0 && {
        reason: 'SomeResourcesRemain',
        message: `Some resources are remaining: ${counts(remaining, (resource, n) => `${resource} has ${n} resource instances`)}`,
      },
    ),
    condition(
      'NamespaceFinalizersRemaining',
      { reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' },
      finalizers.size > 0 && {
        reason: 'SomeFinalizersRemain',
        message: `Some content in the namespace has finalizers remaining: ${counts(finalizers, (finalizer, n) => `${finalizer} in ${n} resource instances`)}`,
      },
    ),
  ];
}

const counts = (map: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string =>
  [...map]
    .map(([name, count]) => text(name, count))
    .sort()
    .join(', ');
