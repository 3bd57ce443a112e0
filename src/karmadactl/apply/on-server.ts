/** Server-side apply; an object that was applied by clients before is handed over to it. */
import { type FieldSet, union } from '../../apimachinery/apply/field-set.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { isConflict } from '../../apimachinery/status-error.ts';
import type { Client, ResourceClient, WriteOptions } from '../../client/client.ts';
import { goJson } from '../printing/go-json.ts';
import { lastApplied } from '../three-way-patch.ts';
import type { Applied } from './on-client.ts';

export interface ServerApplyOptions {
  write: WriteOptions;
  /** Takes over fields of other managers. */
  force: boolean;
  warn(text: string): void;
}

/** The managers of the two ways, as kubectl names them. */
export const serverSideManager = 'kubectl';
export const clientSideManager = 'kubectl-client-side-apply';

/** The server merges, and knows what this manager applied before. */
export async function applyOnServer(
  client: Client,
  type: ResourceType,
  object: Unstructured,
  options: ServerApplyOptions,
): Promise<Applied> {
  const { write, force } = options;
  const resource = client.resource<Unstructured>(type);
  const ref = { namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
  const apply = (): Promise<Unstructured> => resource.patch(ref, 'apply', object, { ...write, force });
  let applied: Unstructured;
  try {
    applied = await apply();
  } catch (error) {
    throw isConflict(error) ? new Error(conflictText((error as Error).message), { cause: error }) : error;
  }
  if (write.dryRun !== true && write.subresource === undefined) {
    applied = await keepLastApplied(resource, object, applied, options);
    if (await handOver(resource, applied, options)) {
      // What the manifest no longer says belongs to nobody else now, and goes.
      try {
        applied = await apply();
      } catch (error) {
        options.warn(
          `failed to re-apply configuration after performing Server-Side Apply migration. This is non-fatal and will be retried next time you apply. Error: ${(error as Error).message}`,
        );
      }
    }
  }
  return { verb: 'serverside-applied', object: applied };
}

const conflictText = (message: string): string => `${message}
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`;

/** The annotation is kept up to date where there is one, so that applying on the client goes on from here. */
async function keepLastApplied(
  resource: ResourceClient<Unstructured>,
  object: Unstructured,
  applied: Unstructured,
  { write }: ServerApplyOptions,
): Promise<Unstructured> {
  const before = applied.metadata.annotations?.[lastApplied];
  if (write.fieldManager !== serverSideManager || before === undefined) return applied;
  const written = cloneJson<Unstructured>(object);
  delete written.metadata.annotations?.[lastApplied];
  const text = `${goJson(written)}\n`;
  const { namespace, name = '' } = applied.metadata;
  const body = {
    apiVersion: applied.apiVersion,
    kind: applied.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), annotations: { [lastApplied]: text } },
  };
  const options = { ...write, fieldManager: 'kubectl-last-applied', force: true };
  return resource.patch({ namespace, name }, 'apply', body, options);
}

interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: FieldSet;
}

/** Gives the fields that clients applied to the applier, when that is necessary. True: it was. */
async function handOver(
  resource: ResourceClient<Unstructured>,
  applied: Unstructured,
  { write, warn }: ServerApplyOptions,
): Promise<boolean> {
  const { metadata } = applied;
  const ref = { namespace: metadata.namespace, name: metadata.name ?? '' };
  let current = applied;
  for (let tries = 1; ; tries++) {
    const entries = (current.metadata.managedFields ?? []) as ManagedFields[];
    const upgraded = upgradedFields(entries, write.fieldManager ?? serverSideManager);
    if (upgraded === undefined) return false;
    const { resourceVersion } = current.metadata;
    const patch = [
      { op: 'replace', path: '/metadata/managedFields', value: upgraded },
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
    ];
    try {
      await resource.patch(ref, 'json', patch, { signal: write.signal });
      return true;
    } catch (error) {
      if (isConflict(error) && tries < maxTries) {
        current = await resource.get(ref, { signal: write.signal });
        continue;
      }
      warn(
        `server rejected managed fields migration to Server-Side Apply. This is non-fatal and will be retried next time you apply. Error: ${(error as Error).message}`,
      );
      return false;
    }
  }
}

const maxTries = 5;

/**
 * Without the entries of the clients that applied, whose fields the applier has now. Such a client is the one of kubectl, or whoever
 * wrote the annotation of what was applied last. Undefined: there is none. Pure.
 */
export function upgradedFields(entries: readonly ManagedFields[], applier: string): ManagedFields[] | undefined {
  const isClient = ({ manager, operation, subresource = '', fieldsV1 }: ManagedFields): boolean =>
    operation === 'Update' && subresource === '' && (manager === clientSideManager || ownsLastApplied(fieldsV1));
  const clients = entries.filter(isClient);
  if (clients.length === 0) return undefined;
  return entries
    .filter((entry) => !isClient(entry))
    .map((entry) => {
      if (entry.manager !== applier || entry.operation !== 'Apply' || (entry.subresource ?? '') !== '') return entry;
      const fieldsV1 = clients.reduce((all, { fieldsV1: own = {} }) => union(all, own), entry.fieldsV1 ?? {});
      return { ...entry, fieldsV1 };
    });
}

const ownsLastApplied = (set: FieldSet | undefined): boolean =>
  set?.['f:metadata']?.['f:annotations']?.[`f:${lastApplied}`] !== undefined;
