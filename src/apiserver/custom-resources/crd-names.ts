/** Which names of a CRD are free in its group, and the conditions NamesAccepted and Established that follow from it. */
import { findCondition, setCondition } from '../../apimachinery/conditions.ts';
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';
import { type CrdNames, type CrdStatus, listKindOf, type ReadonlyCrd, singularOf } from './crd.ts';

/** What others in the group hold: resources (plural, singular, short names) and kinds (kind, listKind) are two name spaces. */
interface UsedNames {
  resources: Set<string>;
  kinds: Set<string>;
}

/**
 * The new status of a CRD given the other CRDs of its group (their accepted names count) and the names of kinds that are
 * served otherwise in that group. `now` in milliseconds. The result is deeply equal to the old status when nothing changes.
 */
export function namingStatus(
  crd: ReadonlyCrd,
  others: readonly ReadonlyCrd[],
  builtIn: { resources: readonly string[]; kinds: readonly string[] },
  now: number,
): CrdStatus {
  const used: UsedNames = { resources: new Set(builtIn.resources), kinds: new Set(builtIn.kinds) };
  for (const other of others) addNames(used, other.status?.acceptedNames);
  const { accepted, conflict } = acceptNames(crd, used);
  const status = (crd.status ?? {}) as CrdStatus;
  let conditions: readonly DeepReadonly<Condition>[] = status.conditions ?? [];
  conditions = setCondition(
    conditions,
    conflict === undefined
      ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
      : { type: 'NamesAccepted', status: 'False', ...conflict },
    now,
  );
  // Once established, always established: objects may exist.
  if (findCondition(conditions, 'Established')?.status !== 'True')
    conditions = setCondition(
      conditions,
      conflict === undefined
        ? {
            type: 'Established',
            status: 'True',
            reason: 'InitialNamesAccepted',
            message: 'the initial names have been accepted',
          }
        : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
      now,
    );
  return { ...status, conditions: [...conditions] as Condition[], acceptedNames: accepted };
}

function addNames(used: UsedNames, names: DeepReadonly<CrdNames> | undefined): void {
  if (names === undefined) return;
  for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) used.resources.add(name);
  for (const kind of [names.kind, names.listKind]) if (kind) used.kinds.add(kind);
}

type Conflict = { reason: string; message: string };

/** A refused name keeps what was accepted before, so that what is served does not change under its users. */
function acceptNames(crd: ReadonlyCrd, used: UsedNames): { accepted: CrdNames; conflict: Conflict | undefined } {
  const requested = crd.spec.names;
  const before = crd.status?.acceptedNames;
  const accepted: CrdNames = { plural: before?.plural ?? '', kind: before?.kind ?? '' };
  if (before?.singular !== undefined) accepted.singular = before.singular;
  if (before?.listKind !== undefined) accepted.listKind = before.listKind;
  if (before?.shortNames !== undefined) accepted.shortNames = [...before.shortNames];
  if (requested.categories !== undefined) accepted.categories = [...requested.categories];
  let conflict: Conflict | undefined;
  const refuse = (reason: string, name: string) => {
    conflict = { reason, message: `"${name}" is already in use` };
  };
  const singular = singularOf(requested);
  const listKind = listKindOf(requested);
  if (used.resources.has(requested.plural)) refuse('PluralConflict', requested.plural);
  else accepted.plural = requested.plural;
  if (used.resources.has(singular)) refuse('SingularConflict', singular);
  else accepted.singular = singular;
  const taken = (requested.shortNames ?? []).filter((name) => used.resources.has(name));
  if (taken.length > 0) refuse('ShortNamesConflict', taken[0] ?? '');
  else if (requested.shortNames === undefined) delete accepted.shortNames;
  else accepted.shortNames = [...requested.shortNames];
  if (used.kinds.has(requested.kind)) refuse('KindConflict', requested.kind);
  else accepted.kind = requested.kind;
  if (used.kinds.has(listKind)) refuse('ListKindConflict', listKind);
  else accepted.listKind = listKind;
  return { accepted, conflict };
}
