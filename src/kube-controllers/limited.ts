/** Calls `visit` for each item, at most `parallel` at once. Rejects with the first failure, after those in hand have ended. */
export async function mapLimited<T>(
  items: readonly T[],
  parallel: number,
  visit: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      await visit(items[index] as T);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(parallel, items.length) }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
