import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../apimachinery/object.ts';
import type { ListOptions, ResourceClient } from '../client/client.ts';
import { listInChunks } from './list-chunks.ts';

/** A server with five objects. */
function five(asked: ListOptions[]): ResourceClient<Unstructured> {
  const list = async (options: ListOptions = {}) => {
    asked.push(options);
    const from = Number(options.continue ?? 0);
    const to = options.limit === undefined ? 5 : from + options.limit;
    const items = ['a', 'b', 'c', 'd', 'e'].slice(from, to).map((name) => ({ metadata: { name } }));
    return { items, metadata: { resourceVersion: '1', ...(to < 5 ? { continue: String(to) } : {}) } };
  };
  return { list } as unknown as ResourceClient<Unstructured>;
}

describe('lists in chunks', () => {
  it.each([
    [2, 3],
    [5, 1],
    [0, 1],
  ])('of %d take %d requests and give all objects', async (size, requests) => {
    const asked: ListOptions[] = [];
    const found = await listInChunks(five(asked), { labelSelector: 'x=y' }, size);
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(asked.map(({ labelSelector }) => labelSelector)).toEqual(Array(requests).fill('x=y'));
  });
});
