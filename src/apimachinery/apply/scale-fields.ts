/** Ownership of replicas, between an object and its Scale: both name the same number by paths of their own. */
import type { DeepReadonly, ManagedFieldsEntry } from '../object.ts';
import { difference, emptySet, type FieldSet, intersection, isEmptySet, union } from './field-set.ts';
import { identityOf, type Manager, readManagers, writeManagers } from './managed-fields.ts';

const scaleVersion = 'autoscaling/v1';
const replicasOfScale: FieldSet = { 'f:spec': { 'f:replicas': emptySet } };

type Entries = readonly DeepReadonly<ManagedFieldsEntry>[] | undefined;

/** The entries of the Scale: those of the object that own its replicas. `replicas` is the path in the object. */
export function fieldsOfScale(entries: Entries, replicas: readonly string[]): ManagedFieldsEntry[] {
  const path = setOf(replicas);
  return writeManagers(
    readManagers(entries)
      .filter(({ fields }) => !isEmptySet(intersection(fields, path)))
      .map(({ entry: _entry, ...manager }) => ({ ...manager, apiVersion: scaleVersion, fields: replicasOfScale })),
  );
}

/** The entries of the object, after its Scale was written with `scaled`. `apiVersion` is the object's. */
export function fieldsOfScaled(
  entries: Entries,
  scaled: Entries,
  apiVersion: string,
  replicas: readonly string[],
): ManagedFieldsEntry[] {
  const path = setOf(replicas);
  const owners = new Map(readManagers(scaled).map((manager) => [inScale(manager), manager]));
  const result: Manager[] = readManagers(entries).map((manager) => {
    if (isEmptySet(intersection(manager.fields, path))) return manager;
    const owner = owners.get(inScale(manager));
    owners.delete(inScale(manager));
    if (owner !== undefined) return { ...manager, time: owner.time };
    return { ...manager, fields: difference(manager.fields, path) };
  });
  for (const owner of owners.values()) {
    const known = result.find((manager) => identityOf(manager) === identityOf({ ...owner, apiVersion }));
    if (known !== undefined) Object.assign(known, { fields: union(known.fields, path), time: owner.time });
    else {
      const { entry: _entry, ...manager } = owner;
      result.push({ ...manager, apiVersion, fields: path });
    }
  }
  return writeManagers(result);
}

/** Identity apart from the version, which the Scale does not share with its object. */
const inScale = ({ manager, operation, subresource }: Manager): string =>
  JSON.stringify([manager, operation, subresource]);

function setOf(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((below, key) => ({ [`f:${key}`]: below }), emptySet);
}
