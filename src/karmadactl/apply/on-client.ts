/** Apply as clients do it: by what was applied last, which the object carries in an annotation. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { isConflict, isNotFound, isStatus } from '../../apimachinery/status-error.ts';
import type { Client, DeleteOptions, ResourceClient, WriteOptions } from '../../client/client.ts';
import { waitUntilGone } from '../deletion.ts';
import { goJson } from '../printing/go-json.ts';
import { lastApplied, threeWayPatch } from '../three-way-patch.ts';
import type { DryRun } from '../write-flags.ts';

export interface ClientApplyOptions {
  write: WriteOptions;
  dryRun: DryRun;
  /** Fields that others changed are set to what is written here; else that is an error. */
  overwrite: boolean;
  /** An object that cannot be changed is deleted like this and made anew; undefined: it is an error. */
  recreate: { deletion: DeleteOptions; timeoutMs: number } | undefined;
  warn(text: string): void;
  /** An error of the server, with where the object was read. */
  explain(error: unknown, doing: 'creating' | 'patching'): unknown;
}

export interface Applied {
  verb: 'created' | 'configured' | 'unchanged' | 'serverside-applied';
  object: Unstructured;
}

/** How often a change that somebody else came before is made anew. */
const maxTries = 5;

/** What was applied before and is no longer written is taken away, what others added stays. */
export async function applyOnClient(
  client: Client,
  type: ResourceType,
  object: Unstructured,
  options: ClientApplyOptions,
): Promise<Applied> {
  const { write, dryRun } = options;
  const resource = client.resource<Unstructured>(type);
  const ref = { namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
  const modified = withLastApplied(object);
  let told = false;
  for (let tries = 1; ; tries++) {
    let current: Unstructured;
    try {
      current = await resource.get(ref, { signal: write.signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      if (dryRun === 'client') return { verb: 'created', object: modified };
      const created = resource.create(modified, write);
      return { verb: 'created', object: await created.catch((e) => Promise.reject(options.explain(e, 'creating'))) };
    }
    if (dryRun === 'client') return { verb: 'configured', object: current };
    if (current.metadata.annotations?.[lastApplied] === undefined && !told) {
      told = true;
      options.warn(
        `resource ${type.resource}/${ref.name} is missing the ${lastApplied} annotation which is required by karmadactl apply. karmadactl apply should only be used on resources created declaratively by either karmadactl create --save-config or karmadactl apply. The missing annotation will be patched automatically.`,
      );
    }
    const patch = threeWayPatch(current, modified, options.overwrite);
    if (patch === undefined) return { verb: 'unchanged', object: current };
    // Lists are sent whole: with the version that they were read at, nobody's element is lost.
    const { resourceVersion } = current.metadata;
    const body = { ...patch, metadata: { ...(patch['metadata'] as object | undefined), resourceVersion } };
    try {
      return { verb: 'configured', object: await resource.patch(ref, 'merge', body, write) };
    } catch (error) {
      const refused = isStatus(error, 'Invalid') || isConflict(error);
      if (isConflict(error) && tries < maxTries) continue;
      if (!refused || options.recreate === undefined) throw options.explain(error, 'patching');
      return { verb: 'configured', object: await recreate(client, resource, current, modified, options) };
    }
  }
}

/** When the new one is refused, the old one is put back. */
async function recreate(
  client: Client,
  resource: ResourceClient<Unstructured>,
  current: Unstructured,
  modified: Unstructured,
  { write, recreate: how }: ClientApplyOptions,
): Promise<Unstructured> {
  const { namespace, name = '' } = current.metadata;
  const ref = { namespace, name };
  await resource.delete(ref, { ...how?.deletion, signal: write.signal });
  await waitUntilGone(client, [{ type: resource.type, ref }], how?.timeoutMs ?? 0, write.signal ?? neverAborts);
  try {
    return await resource.create(modified, write);
  } catch (error) {
    const old = cloneJson<Unstructured>(current);
    delete old.metadata.resourceVersion;
    delete old.metadata.uid;
    try {
      await resource.create(old, write);
    } catch (restoring) {
      throw new Error(
        `an error occurred force-replacing the existing object with the newly provided one:\n\n${(error as Error).message}.\n\nAdditionally, an error occurred attempting to restore the original object:\n\n${(restoring as Error).message}`,
        { cause: error },
      );
    }
    throw error;
  }
}

const neverAborts = new AbortController().signal;

/** The very text that kubectl writes: either may go on where the other left off. */
function withLastApplied(object: Unstructured): Unstructured {
  const modified = cloneJson<Unstructured>(object);
  modified.metadata.annotations = { ...modified.metadata.annotations };
  delete modified.metadata.annotations[lastApplied];
  modified.metadata.annotations[lastApplied] = `${goJson(modified)}\n`;
  return modified;
}
