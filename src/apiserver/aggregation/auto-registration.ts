/**
 * Every group version that this server serves itself has an APIService without a service. Those of built-in groups are made once
 * (`automanaged: onstart`): who replaces one by a service of their own means it. Those of custom resources come and go with them.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { isAlreadyExists, isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { createController } from '../../controller/controller.ts';
import { type ApiService, apiServices } from '../../kubernetes/apiregistration/api-service.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import { writeCondition } from './available-condition.ts';
import { groupPriority, versionPriority } from './priorities.ts';

export interface AutoRegistration {
  stop(): Promise<void>;
}

const label = 'kube-aggregator.kubernetes.io/automanaged';
const own = 'apiregistration.k8s.io';

export function startAutoRegistration(catalog: ResourceCatalog, client: Client, clock: Clock): AutoRegistration {
  const resource = client.resource<ApiService>(apiServices.type);
  const reader = catalog.reader(apiServices.type);

  async function reconcile(name: string): Promise<void> {
    const served = servedVersions(catalog).get(name);
    const stored = (await reader.get({ name })) as ApiService | undefined;
    if (served === undefined) {
      if (stored?.metadata.labels?.[label] === 'true') await resource.delete({ name }).catch(unlessGone);
      return;
    }
    if (stored === undefined)
      await resource
        .create({
          apiVersion: 'apiregistration.k8s.io/v1',
          kind: 'APIService',
          metadata: { name, labels: { [label]: served.custom ? 'true' : 'onstart' } },
          spec: {
            group: served.group,
            version: served.version,
            groupPriorityMinimum: groupPriority(served.group),
            versionPriority: versionPriority(served.group, served.version),
          },
        })
        .catch(unlessThere);
    else if (stored.spec.service !== undefined) return;
    await writeCondition(client, name, local, clock);
  }

  const controller = createController({ name: 'apiservice-registration', reconcile, maxDelay: 10_000, workers: 8 });
  let before: ReadonlyMap<string, unknown> = new Map();
  const enqueue = (): void => {
    const now = servedVersions(catalog);
    for (const name of new Set([...before.keys(), ...now.keys()]))
      if (before.has(name) !== now.has(name)) controller.enqueue(name);
    before = now;
  };
  const stopped = new AbortController();
  const unsubscribe = catalog.onChange(enqueue);
  enqueue();
  // Left from a time when the server was not running.
  void reader.readable().then((all) => {
    for (const { metadata } of all) if (metadata.labels?.[label] === 'true') controller.enqueue(metadata.name ?? '');
  });
  const running = controller.run(stopped.signal);
  return {
    async stop() {
      unsubscribe();
      stopped.abort();
      await running;
    },
  };
}

const local = {
  type: 'Available',
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
} as const;

/** By `<version>.<group>`. */
function servedVersions(catalog: ResourceCatalog) {
  const versions = new Map<string, { group: string; version: string; custom: boolean }>();
  for (const { type, strategicMerge } of catalog.list())
    if (type.group !== own)
      versions.set(`${type.version}.${type.group}`, {
        group: type.group,
        version: type.version,
        custom: !strategicMerge,
      });
  for (const { type } of catalog.virtualResources())
    versions.set(`${type.version}.${type.group}`, { group: type.group, version: type.version, custom: false });
  return versions;
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function unlessThere(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}
