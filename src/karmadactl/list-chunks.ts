/** Lists that are read a part at a time, so that no answer is large. */
import type { KubeObject } from '../apimachinery/object.ts';
import type { ListOptions, ResourceClient } from '../client/client.ts';

/** `size` 0: all at once. */
export async function listInChunks<T extends KubeObject>(
  resource: ResourceClient<T>,
  options: ListOptions,
  size: number,
): Promise<T[]> {
  const found: T[] = [];
  let next: string | undefined;
  do {
    const { items, metadata } = await resource.list({ ...options, limit: size || undefined, continue: next });
    found.push(...items);
    next = metadata.continue || undefined;
  } while (next !== undefined);
  return found;
}
