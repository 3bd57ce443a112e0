/** DELETE of one object. */
import { encodeObject, encodeStatus } from '../encoding.ts';
import type { ApiResponse } from '../request.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { readDeleteOptions } from './delete-options.ts';

export async function deleteObject(context: EndpointContext): Promise<ApiResponse> {
  const { registry, definition, info } = context;
  const options = await readDeleteOptions(context);
  const encoding = encodingOf(context);
  const result = await registry.delete({ namespace: info.namespace, name: info.name }, options.delete, options.write);
  if (!result.removed) {
    const code = options.delete.orphanDependents === false ? 202 : 200;
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
