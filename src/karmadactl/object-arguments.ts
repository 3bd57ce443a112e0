/** The objects that a command changes: from files, by name, or by selector. */
import { gvkOf, type ResourceType } from '../apimachinery/group-version.ts';
import type { ObjectRef, Unstructured } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import { type ApiResource, createDiscovery } from '../client/discovery.ts';
import { flag } from '../component/flags.ts';
import { type CommandIo, karmadaFlags, namespaceFlag } from './command.ts';
import { listInChunks } from './list-chunks.ts';
import { fileFlags, kustomizeFlag, type ManifestSource, namesFiles, readManifests, sourceOf } from './manifests.ts';
import type { Target } from './member-access.ts';
import { resolveArguments } from './resource-arguments.ts';

export const objectFlags = {
  ...karmadaFlags,
  ...namespaceFlag,
  ...fileFlags,
  kustomize: kustomizeFlag,
  selector: flag.string('', 'Selector (label query) to filter on.', { shorthand: 'l' }),
  all: flag.bool(false, 'Select all resources of the specified types in the namespace.'),
  'field-selector': flag.string(
    '',
    "Selector (field query) to filter on, supports '=', '==', and '!='. The server only supports a limited number of field queries per type.",
  ),
  'all-namespaces': flag.bool(false, 'If present, list the requested objects across all namespaces.', {
    shorthand: 'A',
  }),
};

export interface SelectedObject {
  type: ApiResource;
  ref: ObjectRef;
}

export interface ObjectSelection extends ManifestSource {
  namespace: string;
  selector: string;
  'field-selector'?: string;
  all: boolean;
  'all-namespaces': boolean;
  'chunk-size'?: number;
}

export async function selectObjects(
  target: Target,
  values: ObjectSelection,
  args: readonly string[],
  io: CommandIo,
  signal: AbortSignal,
): Promise<SelectedObject[]> {
  const namespace = values.namespace || target.namespace;
  if (namesFiles(values)) {
    if (args.length > 0)
      throw new Error(
        'when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well',
      );
    const objects = await readManifests(values, io);
    return Promise.all(objects.map((object) => locate(target, object, values.namespace)));
  }
  if (values.all && values.selector !== '') throw new Error("setting 'all' parameter but found a non empty selector. ");
  if (args.length === 0) throw new Error('You must provide one or more resources by argument or filename.');
  const selected: SelectedObject[] = [];
  for (const { type, names } of await resolveArguments(target.client, args, signal)) {
    const fieldSelector = values['field-selector'] ?? '';
    const selecting = values.selector !== '' || fieldSelector !== '';
    if (names.length > 0 && (selecting || values.all))
      throw new Error('name cannot be provided when a selector is specified');
    if (names.length === 0 && !selecting && !values.all)
      throw new Error('resource(s) were provided, but no name was specified');
    const within = type.namespaced ? { namespace } : {};
    if (names.length > 0) selected.push(...names.map((name) => ({ type, ref: { ...within, name } })));
    else {
      const options = {
        ...(values['all-namespaces'] ? {} : within),
        labelSelector: values.selector,
        fieldSelector,
        signal,
      };
      const items = await listInChunks(target.client.resource(type), options, values['chunk-size'] ?? 0);
      for (const { metadata } of items)
        selected.push({
          type,
          ref: { ...(type.namespaced ? { namespace: metadata.namespace } : {}), name: metadata.name ?? '' },
        });
    }
  }
  return selected;
}

/** Where an object of a file belongs. `namespace` is that of the flag: another one in the object is refused. */
export async function locate(target: Target, object: Unstructured, namespace: string): Promise<SelectedObject> {
  const discovery = createDiscovery(target.client);
  const { kind, apiVersion } = object;
  const type = await typeOf(object, () => discovery.resourceFor(gvkOf({ kind, apiVersion })));
  const { name = '' } = object.metadata;
  if (!type.namespaced) return { type, ref: { name } };
  const own = object.metadata.namespace;
  if (own && namespace && own !== namespace)
    throw new Error(
      `the namespace from the provided object "${own}" does not match the namespace "${namespace}". You must pass '--namespace=${own}' to perform this operation.`,
    );
  return { type, ref: { namespace: own || namespace || target.namespace, name } };
}

/** @throws with kubectl's text when no server knows the kind */
async function typeOf(object: Unstructured, find: () => Promise<ResourceType>): Promise<ApiResource> {
  try {
    return (await find()) as ApiResource;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const { name = '', namespace = '' } = object.metadata;
    throw new Error(
      `resource mapping not found for name: "${name}" namespace: "${namespace}" from "${sourceOf(object)}": ${error.message}\nensure CRDs are installed first`,
      { cause: error },
    );
  }
}
