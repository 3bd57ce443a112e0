/** What `promote` makes of a member's object, and how it gets into the control plane. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { conflictResolutionAnnotation } from '../../apis/constants.ts';
import { pruneManifest } from '../../apis/prune-manifest.ts';
import { createDiscovery } from '../../client/discovery.ts';
import type { CommandIo } from '../command.ts';
import type { Target } from '../member-access.ts';

export interface Promotion {
  controlPlane: Target;
  member: Target;
  /** The servers check every write and store none. */
  dryRun: boolean;
  io: CommandIo;
  signal: AbortSignal;
}

/** What a member has, as it is written in the control plane: it takes the member's object over without a conflict. */
export function templateOf(object: Unstructured): Unstructured {
  const template = pruneManifest(cloneJson<Unstructured>(object));
  if (template.kind === 'PersistentVolumeClaim') unbind(template);
  template.metadata.annotations = { [conflictResolutionAnnotation]: 'overwrite', ...template.metadata.annotations };
  return template;
}

/** A claim of the control plane is not bound to a volume of one member. */
function unbind(claim: Unstructured): void {
  const { annotations } = claim.metadata;
  for (const key of ['pv.kubernetes.io/bind-completed', 'pv.kubernetes.io/bound-by-controller'])
    if (annotations !== undefined) delete annotations[key];
  const spec = claim['spec'] as { volumeName?: string } | undefined;
  if (spec !== undefined) delete spec.volumeName;
}

export async function templateExists(
  { controlPlane, signal }: Promotion,
  type: ResourceType,
  { metadata: { namespace, name = '' } }: Unstructured,
): Promise<boolean> {
  const served = await createDiscovery(controlPlane.client).byResource(type);
  try {
    await controlPlane.client.resource(served).get({ namespace, name }, { signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

export async function createTemplate(
  { controlPlane, dryRun, signal }: Promotion,
  type: ResourceType,
  template: Unstructured,
): Promise<void> {
  await controlPlane.client.resource<Unstructured>(type).create(template, { dryRun, signal });
}

/** `"apps/v1, Resource=deployments"`. */
export const quoted = ({ group, version, resource }: ResourceType): string =>
  JSON.stringify(`${group}/${version}, Resource=${resource}`);

export const shownRef = ({ metadata: { namespace, name } }: Unstructured): string =>
  namespace === undefined ? `${name}` : `${namespace}/${name}`;
