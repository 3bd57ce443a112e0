/**
 * Two plugins for karmada-scheduler --plugin-modules=examples/scheduler-plugins/prefer-cheap.mjs: clusters say by labels what they
 * cost and whether they are being repaired.
 *
 * A plugin is asked once for each cluster, with the binding's spec in `task`; it must not change what it is given, and must not wait.
 */
const price = (cluster) => Number(cluster.metadata.labels?.['example.io/price'] ?? 100);

export const plugins = [
  {
    name: 'PreferCheap',
    score: (_task, cluster) => price(cluster),
    /** All clusters at once: the dearest gets 0, one that costs nothing 100. */
    normalizeScore(_task, prices) {
      const dearest = Math.max(...prices, 1);
      return prices.map((each) => 100 - Math.round((100 * each) / dearest));
    },
  },
  {
    name: 'NotUnderRepair',
    filter: (_task, cluster) =>
      cluster.metadata.labels?.['example.io/repair'] === 'true' ? 'cluster(s) were under repair' : undefined,
  },
];
