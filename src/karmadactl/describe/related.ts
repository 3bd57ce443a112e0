/** What a description shows beyond the object itself; looked up when it is needed. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { KubeObject, ObjectRef } from '../../apimachinery/object.ts';
import type { Client } from '../../client/client.ts';
import { listInChunks } from '../list-chunks.ts';

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface Related {
  readonly now: number;
  get<T extends KubeObject>(type: ResourceType, ref: ObjectRef): Promise<T>;
  list<T extends KubeObject>(type: ResourceType, selection: Selection): Promise<T[]>;
}

export function relatedOf(client: Client, now: number, chunkSize: number, signal: AbortSignal): Related {
  return {
    now,
    get: (type, ref) => client.resource<never>(type).get(ref, { signal }),
    list: <T extends KubeObject>(type: ResourceType, { namespace, ...selectors }: Selection) =>
      listInChunks(client.resource<T>(type), { ...(namespace ? { namespace } : {}), ...selectors, signal }, chunkSize),
  };
}

/** For what may be missing, or hidden from the user, without the description failing. */
export const orElse = <T, O>(wanted: Promise<T>, otherwise: O): Promise<T | O> => wanted.catch(() => otherwise);
