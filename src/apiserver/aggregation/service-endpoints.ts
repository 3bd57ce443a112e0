/** Who is behind a Service: its EndpointSlices, or where there are none its Endpoints. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { endpointSlices, endpoints, services } from '../../kubernetes/resource-types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';

/** Each of these addresses listens on each of these ports. */
export interface ReadyAddresses {
  addresses: readonly string[];
  ports: readonly { name?: string; port?: number }[];
}

export interface ServiceEndpoints {
  service(namespace: string, name: string): DeepReadonly<Unstructured> | undefined;
  /** Undefined when there is neither a slice nor Endpoints. */
  ready(namespace: string, name: string): ReadyAddresses[] | undefined;
  /** `changed` is called for each Service that changes, or has others behind it. Returns the end. */
  follow(changed: (namespace: string, name: string) => void): () => void;
}

interface Slice extends Unstructured {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] | null;
  ports?: { name?: string; port?: number }[] | null;
}

interface Endpoints extends Unstructured {
  subsets?: { addresses?: { ip: string }[]; ports?: { name?: string; port: number }[] }[] | null;
}

type Read = DeepReadonly<Unstructured>;

const serviceLabel = 'kubernetes.io/service-name';
const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

export function createServiceEndpoints(catalog: ResourceCatalog): ServiceEndpoints {
  /** By Service, then by the slice's own name. */
  const slices = new Map<string, Map<string, DeepReadonly<Slice>>>();
  const serviceOf = ({ metadata }: Read): string | undefined => {
    const name = metadata.labels?.[serviceLabel];
    return name === undefined ? undefined : keyOf(metadata.namespace ?? '', name);
  };
  const drop = (slice: Read): void => {
    const key = serviceOf(slice);
    const known = key === undefined ? undefined : slices.get(key);
    if (key === undefined || known === undefined) return;
    known.delete(slice.metadata.name ?? '');
    if (known.size === 0) slices.delete(key);
  };
  const add = (slice: Read): void => {
    const key = serviceOf(slice);
    if (key === undefined) return;
    const known = slices.get(key) ?? new Map<string, DeepReadonly<Slice>>();
    slices.set(key, known.set(slice.metadata.name ?? '', slice as DeepReadonly<Slice>));
  };
  return {
    service: (namespace, name) => catalog.reader(services).cached({ namespace, name }),
    ready(namespace, name) {
      const found = slices.get(keyOf(namespace, name));
      if (found !== undefined) return [...found.values()].map(readyOf);
      const old = catalog.reader(endpoints).cached({ namespace, name }) as DeepReadonly<Endpoints> | undefined;
      return old?.subsets?.map(({ addresses, ports }) => ({
        addresses: (addresses ?? []).map(({ ip }) => ip),
        ports: ports ?? [],
      }));
    },
    follow(changed) {
      const tell = ({ metadata }: Read): void => changed(metadata.namespace ?? '', metadata.name ?? '');
      const tellOfSlice = (slice: Read): void =>
        changed(slice.metadata.namespace ?? '', slice.metadata.labels?.[serviceLabel] ?? '');
      const ends = [
        ...[services, endpoints].map((type) => catalog.reader(type).subscribe({ put: tell, deleted: tell })),
        catalog.reader(endpointSlices).subscribe({
          put(slice, old) {
            if (old !== undefined) {
              drop(old);
              tellOfSlice(old);
            }
            add(slice);
            tellOfSlice(slice);
          },
          deleted(slice) {
            drop(slice);
            tellOfSlice(slice);
          },
        }),
      ];
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

/** Readiness that nobody tells counts as ready. */
const readyOf = ({ endpoints: all, ports }: DeepReadonly<Slice>): ReadyAddresses => ({
  addresses: (all ?? []).filter(({ conditions }) => conditions?.ready !== false).flatMap(({ addresses }) => addresses),
  ports: ports ?? [],
});
