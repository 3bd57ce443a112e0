/** `kubectl get componentstatuses`: whether the store answers. Other components tell of themselves by their Leases. */
import type { Unstructured } from '../apimachinery/object.ts';
import { defineKind } from '../kubernetes/kind.ts';
import { nameColumn } from '../kubernetes/printing/formats.ts';
import type { Store } from '../storage/store.ts';
import type { ComputedResource } from './endpoints/computed.ts';

export function createComponentStatuses(store: Store): ComputedResource {
  return {
    definition,
    get: async ({ name }) => (name === storeName ? statusOf(store) : undefined),
    list: async () => [await statusOf(store)],
  };
}

/** What clients know the store of an API server by. */
const storeName = 'etcd-0';

interface Condition {
  type: string;
  status: string;
  message?: string;
  error?: string;
}

const healthy = (object: unknown): Condition | undefined =>
  (object as { conditions?: Condition[] }).conditions?.find(({ type }) => type === 'Healthy');

const definition = defineKind(
  'v1',
  'componentstatuses',
  'ComponentStatus',
  { scope: 'Cluster', short: ['cs'], verbs: ['get', 'list'] },
  {
    deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
    columns: [
      nameColumn,
      {
        name: 'Status',
        type: 'string',
        cell: (object) => ({ True: 'Healthy', False: 'Unhealthy' })[healthy(object)?.status ?? ''] ?? 'Unknown',
      },
      { name: 'Message', type: 'string', cell: (object) => healthy(object)?.message ?? '' },
      { name: 'Error', type: 'string', cell: (object) => healthy(object)?.error ?? '' },
    ],
  },
);

async function statusOf(store: Store): Promise<Unstructured> {
  const condition: Condition = { type: 'Healthy', status: 'True', message: 'ok' };
  try {
    await store.revision();
  } catch (error) {
    Object.assign(condition, { status: 'False', message: '', error: String(error) });
  }
  const typeMeta = { apiVersion: 'v1', kind: 'ComponentStatus' };
  return { ...typeMeta, metadata: { name: storeName }, conditions: [condition] };
}
