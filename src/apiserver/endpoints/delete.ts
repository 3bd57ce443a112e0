/** DELETE of one object. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { encodeObject, encodeStatus } from '../encoding.ts';
import type { ApiResponse } from '../request.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { readDeleteOptions } from './delete-options.ts';

export async function deleteObject(context: EndpointContext): Promise<ApiResponse> {
  const { registry, definition, info } = context;
  const options = await readDeleteOptions(context);
  const encoding = encodingOf(context);
  const result = await registry.delete({ namespace: info.namespace, name: info.name }, options.delete, options.write);
  if (!result.removed || returnsObject(definition.type)) {
    const code = !result.removed && options.delete.orphanDependents === false ? 202 : 200;
    return encodeObject(encoding, code, () => result.object, result.stored);
  }
  const { group, resource } = definition.type;
  return encodeStatus(context.format, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: info.name,
      ...(group === '' ? {} : { group }),
      kind: resource,
      uid: result.object.metadata.uid ?? '',
    },
  });
}

/** Kinds whose DELETE answers with the object as it was, where others answer with a Status. */
const returningObject: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    '',
    new Set([
      'persistentvolumeclaims',
      'persistentvolumes',
      'pods',
      'podtemplates',
      'resourcequotas',
      'serviceaccounts',
      'services',
    ]),
  ],
  ['resource.k8s.io', new Set(['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices'])],
  [
    'storage.k8s.io',
    new Set(['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments', 'volumeattributesclasses']),
  ],
]);

const returnsObject = ({ group, resource }: ResourceType): boolean =>
  returningObject.get(group)?.has(resource) ?? false;
