/** DELETE of a collection: each object by itself, as a DELETE of its name would. */
import { fieldError, invalid, isNotFound } from '../../apimachinery/status-error.ts';
import { encodeList } from '../encoding.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import { unsafeOption } from '../registry/unsafe-delete.ts';
import type { ApiResponse } from '../request.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { readDeleteOptions } from './delete-options.ts';
import { readList } from './list.ts';

/** How many deletions are under way at a time: enough to share commits of the store. */
const concurrency = 32;

export async function deleteCollection(context: EndpointContext): Promise<ApiResponse> {
  const { registry } = context;
  const options = await readDeleteOptions(context);
  if (options.delete[unsafeOption] === true)
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [
      fieldError.invalid(
        unsafeOption,
        true,
        'is not allowed with DELETECOLLECTION, try again after removing the option',
      ),
    ]);
  const encoding = encodingOf(context);
  const { items, metadata } = await readList(context);
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await deleteOne(next);
  };
  const deleteOne = async ({ namespace, name }: StoredObject): Promise<void> => {
    try {
      await registry.delete({ namespace, name }, options.delete, options.write);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  } finally {
    queue.length = 0;
  }
  return encodeList(encoding, items, metadata);
}
