/** `--local`: commands that change objects of files without asking a server. */
import { gvkOf, type ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import { applyJsonPatch, parseJsonPatch } from '../apimachinery/patch/json.ts';
import { applyMergePatch } from '../apimachinery/patch/merge.ts';
import { applyStrategicMergePatch } from '../apimachinery/patch/strategic.ts';
import { flag } from '../component/flags.ts';
import { messageNameOf, schemaOf } from '../kubernetes/field-schema.ts';
import type { CommandIo } from './command.ts';
import { type ManifestSource, readManifests } from './manifests.ts';
import type { DryRun } from './write-flags.ts';

export const localFlag = (command: string) =>
  flag.bool(false, `If true, ${command} will NOT contact api-server but run locally.`);

export interface LocalObject {
  type: ResourceType;
  object: Unstructured;
}

/** @throws when a server would be needed all the same */
export function refuseServerDryRun(dryRun: DryRun): void {
  if (dryRun === 'server')
    throw new Error('cannot specify --local and --dry-run=server - did you mean --dry-run=client?');
}

export async function readLocalObjects(source: ManifestSource, io: CommandIo): Promise<LocalObject[]> {
  const objects = await readManifests(source, io);
  // What discovery would know: for names in messages the kind is enough.
  return objects.map((object) => ({
    type: { ...gvkOf(object), resource: object.kind.toLowerCase(), namespaced: true },
    object,
  }));
}

/** What a server would make of a patch, without its defaults. @throws as the server does */
export function patchLocally(
  object: DeepReadonly<Unstructured>,
  type: 'json' | 'merge' | 'strategic',
  patch: unknown,
): Unstructured {
  if (type === 'json') return applyJsonPatch(object, parseJsonPatch(patch)) as Unstructured;
  if (type === 'merge') return applyMergePatch(object, patch) as Unstructured;
  const { apiVersion, kind } = object;
  const gvk = gvkOf({ apiVersion, kind });
  if (messageNameOf(gvk) === undefined)
    throw new Error(
      `strategic merge patches need a built-in kind, and ${kind} of ${apiVersion} is none: try --type merge`,
    );
  return applyStrategicMergePatch<Unstructured>(object, patch, schemaOf(gvk));
}
