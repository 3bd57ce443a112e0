/** DELETE of one object. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { forbidden } from '../../apimachinery/status-error.ts';
import { encodeObject, encodeStatus } from '../encoding.ts';
import { unsafeOption } from '../registry/unsafe-delete.ts';
import type { ApiResponse } from '../request.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { readDeleteOptions } from './delete-options.ts';

export async function deleteObject(context: EndpointContext): Promise<ApiResponse> {
  const { registry, definition, info } = context;
  const options = await readDeleteOptions(context);
  const ref = { namespace: info.namespace, name: info.name };
  if (options.delete[unsafeOption] === true) {
    await mayDeleteUnread(context);
    await registry.deleteUnreadable(ref, options.write);
    return deleted(context, undefined);
  }
  const encoding = encodingOf(context);
  const result = await registry.delete(ref, options.delete, options.write);
  if (!result.removed || returnsObject(definition.type)) {
    const code = !result.removed && options.delete.orphanDependents === false ? 202 : 200;
    return encodeObject(encoding, code, () => result.object, result.stored);
  }
  return deleted(context, result.object.metadata.uid ?? '');
}

/** `uid`: undefined where it is not known. */
function deleted({ definition, format, info }: EndpointContext, uid: string | undefined): ApiResponse {
  const { group, resource } = definition.type;
  return encodeStatus(format, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: info.name,
      ...(group === '' ? {} : { group }),
      kind: resource,
      ...(uid === undefined ? {} : { uid }),
    },
  });
}

const unsafeVerb = 'unsafe-delete-ignore-read-errors';

/** Beside the right to delete, it takes one of its own. */
async function mayDeleteUnread({ authorizer, definition, info, user }: EndpointContext): Promise<void> {
  const { group, version, resource, namespace, name } = info;
  const attributes = { user, verb: unsafeVerb, group, version, resource, subresource: '', namespace, name };
  const { allowed, reason } = await authorizer.authorize(attributes);
  if (!allowed) throw forbidden(definition.type, name, `not permitted to do "${unsafeVerb}", reason: ${reason}`);
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
