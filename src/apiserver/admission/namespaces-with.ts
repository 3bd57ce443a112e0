/** Which namespaces have objects of a kind: a look-up instead of a list, for plugins that most namespaces do not concern. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';

/** Follows the kind from the first question on. May miss an object of the last moments. */
export function namespacesWith(catalog: ResourceCatalog, type: ResourceType): (namespace: string) => boolean {
  let counts: Map<string, number> | undefined;
  const follow = (): Map<string, number> => {
    const counted = new Map<string, number>();
    const add = (namespace: string, step: number): void => {
      const count = (counted.get(namespace) ?? 0) + step;
      if (count > 0) counted.set(namespace, count);
      else counted.delete(namespace);
    };
    catalog.reader(type).subscribe({
      put({ metadata }, old) {
        if (old === undefined) add(metadata.namespace ?? '', 1);
      },
      deleted: ({ metadata }) => add(metadata.namespace ?? '', -1),
    });
    return counted;
  };
  return (namespace) => {
    counts ??= follow();
    return counts.has(namespace);
  };
}
