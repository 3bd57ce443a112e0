/**
 * Serves what CRDs define, while the server runs.
 *
 *   created ──names free──▶ served ──▶ Established=True          a changed CRD is served anew before its status says so
 *      └─names taken──▶ NamesAccepted=False (looked at again when a CRD of the group goes)
 *   deleted (finalizer) ──▶ Terminating=True ──all objects gone──▶ no longer served ──▶ finalizer removed
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { isConditionTrue, setCondition } from '../../apimachinery/conditions.ts';
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { createController, type ReconcileResult } from '../../controller/controller.ts';
import { customResourceDefinitions } from '../../kubernetes/resource-types.ts';
import { createWebhookClient } from '../admission/webhooks/webhook-client.ts';
import type { ResourceCatalog, ResourceReader } from '../registry/resource-catalog.ts';
import { approvalCondition } from './approval.ts';
import { type Converters, type ConvertObjects, conversionOf } from './conversion-webhook.ts';
import {
  type CrdStatus,
  type CustomResourceDefinition,
  cleanupFinalizer,
  crdName,
  type ReadonlyCrd,
  storageVersionOf,
} from './crd.ts';
import { namingStatus } from './crd-names.ts';
import { withStorageVersion } from './crd-validation.ts';
import { definitionsOf, storageDefinitionOf } from './definitions.ts';

export interface CrdController {
  /** Serves every established CRD, then follows changes until `stop`. */
  start(client: Client): Promise<void>;
  stop(): Promise<void>;
}

export function createCrdController(
  catalog: ResourceCatalog,
  clock: Clock,
  converters: Converters = new Map(),
): CrdController {
  const stopped = new AbortController();
  const webhookClient = createWebhookClient();
  let running: Promise<void> = Promise.resolve();
  let unsubscribe = () => {};
  return {
    async start(client) {
      const reader = catalog.reader(customResourceDefinitions);
      const serving = new ServedCrds(catalog, (crd) => conversionOf(crd, webhookClient, converters, stopped.signal));
      const established = (await reader.readable()).map(asCrd).filter(isWhole).filter(isEstablished);
      // One that cannot be served must not keep the server from starting: its reconciliation tries again and says why.
      await serving.serve(established).catch(() => Promise.allSettled(established.map((crd) => serving.serve([crd]))));
      const reconciler = new CrdReconciler(catalog, reader, client, clock, serving);
      const controller = createController({
        name: 'crd-controller',
        reconcile: (name) => reconciler.reconcile(name),
        maxDelay: 10_000,
      });
      reconciler.enqueue = (name) => controller.enqueue(name);
      unsubscribe = reader.subscribe({
        put: (object) => controller.enqueue(object.metadata.name ?? ''),
        deleted: (object) => controller.enqueue(object.metadata.name ?? ''),
      });
      running = controller.run(stopped.signal);
    },
    async stop() {
      unsubscribe();
      stopped.abort();
      await running;
      webhookClient.close();
    },
  };
}

/** What of the catalog comes from CRDs. */
class ServedCrds {
  private readonly catalog: ResourceCatalog;
  private readonly conversion: (crd: ReadonlyCrd) => ConvertObjects | undefined;
  private readonly served = new Map<string, { key: string; group: string; definitions: ResourceDefinition[] }>();

  constructor(catalog: ResourceCatalog, conversion: (crd: ReadonlyCrd) => ConvertObjects | undefined) {
    this.catalog = catalog;
    this.conversion = conversion;
  }

  /** Brings the catalog to the state of these CRDs, in one change for its listeners. */
  async serve(crds: readonly ReadonlyCrd[]): Promise<void> {
    const changed = crds.filter((crd) => this.served.get(crdName(crd))?.key !== servedKey(crd));
    if (changed.length === 0) return;
    const definitions = changed.map((crd) => definitionsOf(withAcceptedNames(crd), this.conversion(crd)));
    await this.catalog.replace(definitions.flat());
    for (const [index, crd] of changed.entries()) {
      const now = definitions[index] ?? [];
      const gone = (this.served.get(crdName(crd))?.definitions ?? []).filter(
        (old) => !now.some(({ type }) => type.version === old.type.version),
      );
      if (gone.length > 0) this.catalog.remove(gone.map(({ type }) => type));
      this.served.set(crdName(crd), { key: servedKey(crd), group: crd.spec.group, definitions: now });
    }
  }

  remove(name: string): void {
    const known = this.served.get(name);
    if (known === undefined) return;
    this.served.delete(name);
    if (known.definitions.length > 0) this.catalog.remove(known.definitions.map(({ type }) => type));
  }

  groupOf(name: string): string | undefined {
    return this.served.get(name)?.group;
  }

  /** A definition through which the objects can be reached, also when no version is served any more. */
  async reachable(crd: ReadonlyCrd): Promise<ResourceDefinition | undefined> {
    const served = this.served.get(crdName(crd))?.definitions ?? [];
    const version = storageVersionOf(crd)?.name;
    // In the storage version nothing needs to be converted but what an older one has left.
    const own = served.find(({ type }) => type.version === version);
    if (own !== undefined) return own;
    const definition = storageDefinitionOf(crd, this.conversion(crd));
    if (definition === undefined) return undefined;
    await this.catalog.replace([definition]);
    this.served.set(crdName(crd), { key: '', group: crd.spec.group, definitions: [...served, definition] });
    return definition;
  }
}

class CrdReconciler {
  enqueue: (name: string) => void = () => {};
  private readonly catalog: ResourceCatalog;
  private readonly reader: ResourceReader;
  private readonly client: Client;
  private readonly clock: Clock;
  private readonly serving: ServedCrds;

  constructor(catalog: ResourceCatalog, reader: ResourceReader, client: Client, clock: Clock, serving: ServedCrds) {
    this.catalog = catalog;
    this.reader = reader;
    this.client = client;
    this.clock = clock;
    this.serving = serving;
  }

  async reconcile(name: string): Promise<ReconcileResult> {
    // What it defines stays as it was served last.
    if (this.reader.isUnreadable({ name })) return undefined;
    const object = this.reader.cached({ name });
    if (object === undefined) {
      const group = this.serving.groupOf(name) ?? name.slice(name.indexOf('.') + 1);
      this.serving.remove(name);
      for (const other of await this.othersInGroup(group, name))
        if (!isConditionTrue(other.status?.conditions, 'NamesAccepted')) this.enqueue(crdName(other));
      return undefined;
    }
    const crd = asCrd(object);
    if (!isWhole(crd)) return undefined;
    return crd.metadata.deletionTimestamp === undefined ? this.establish(crd) : this.finalize(crd);
  }

  private async establish(crd: ReadonlyCrd): Promise<ReconcileResult> {
    const now = this.clock.now();
    const others = await this.othersInGroup(crd.spec.group, crdName(crd));
    const naming = namingStatus(crd, others, this.otherwiseServed(crd), now);
    const approval = approvalCondition(crd);
    const status: CrdStatus = {
      ...naming,
      ...(approval === undefined ? {} : { conditions: setCondition(naming.conditions, approval, now) }),
      storedVersions: withStorageVersion(crd),
    };
    const next = { ...cloneJson<CustomResourceDefinition>(crd as CustomResourceDefinition), status };
    // Served first: whoever sees Established may use the kind at once.
    if (isEstablished(next)) await this.serving.serve([next]);
    await this.writeStatus(crd, status);
    return undefined;
  }

  private async finalize(crd: ReadonlyCrd): Promise<ReconcileResult> {
    if (!(crd.metadata.finalizers ?? []).includes(cleanupFinalizer)) return undefined;
    const definition = isEstablished(crd) ? await this.serving.reachable(crd) : undefined;
    if (definition !== undefined) {
      await this.writeTerminating(crd, 'True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      const left = await this.catalog.registryFor(definition).refs();
      if (left.length > 0) {
        const namespaces = new Set(left.map((ref) => ref.namespace || undefined));
        for (const namespace of namespaces) await this.client.resource(definition.type).deleteCollection({ namespace });
        return { requeueAfter: 50 };
      }
    }
    await this.writeTerminating(crd, 'False', 'InstanceDeletionCompleted', 'removed all instances');
    this.serving.remove(crdName(crd));
    const resource = this.client.resource<CustomResourceDefinition>(customResourceDefinitions);
    try {
      const newest = await resource.get({ name: crdName(crd) });
      if (newest.metadata.uid !== crd.metadata.uid) return undefined;
      newest.metadata.finalizers = (newest.metadata.finalizers ?? []).filter((entry) => entry !== cleanupFinalizer);
      await resource.update(newest);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  private async writeTerminating(crd: ReadonlyCrd, status: 'True' | 'False', reason: string, message: string) {
    const current = this.reader.cached({ name: crdName(crd) });
    if (current === undefined) return;
    const newest = asCrd(current);
    const conditions = setCondition(
      newest.status?.conditions,
      { type: 'Terminating', status, reason, message },
      this.clock.now(),
    );
    await this.writeStatus(newest, { ...(newest.status as CrdStatus | undefined), conditions });
  }

  private async writeStatus(crd: ReadonlyCrd, status: CrdStatus): Promise<void> {
    if (deepEqual(status, crd.status ?? {})) return;
    const next = { ...cloneJson<CustomResourceDefinition>(crd as CustomResourceDefinition), status };
    await this.client.resource<CustomResourceDefinition>(customResourceDefinitions).updateStatus(next);
  }

  private async othersInGroup(group: string, name: string): Promise<ReadonlyCrd[]> {
    const all = (await this.reader.readable()).map(asCrd).filter(isWhole);
    return all.filter((crd) => crd.spec.group === group && crdName(crd) !== name);
  }

  /** Names in the group that are not a CRD's: built-in kinds and those that the executable brought along. */
  private otherwiseServed(crd: ReadonlyCrd): { resources: string[]; kinds: string[] } {
    const own = this.catalog
      .list()
      .filter(({ type }) => type.group === crd.spec.group)
      .filter(({ type }) => this.reader.cached({ name: `${type.resource}.${type.group}` }) === undefined);
    return {
      resources: own.flatMap(({ type, singular, shortNames }) => [type.resource, singular, ...shortNames]),
      kinds: own.flatMap(({ type, listKind }) => [type.kind, listKind]),
    };
  }
}

const asCrd = (object: DeepReadonly<Unstructured>): ReadonlyCrd => object as unknown as ReadonlyCrd;
/** Not so what somebody has written into the store past every check. */
const isWhole = (crd: ReadonlyCrd): boolean => Array.isArray(crd.spec?.versions) && crd.spec.names !== undefined;
const isEstablished = (crd: ReadonlyCrd): boolean => isConditionTrue(crd.status?.conditions, 'Established');

/** Changes when what is served must change: a new spec (generation), other accepted names, or another object of that name. */
const servedKey = (crd: ReadonlyCrd): string =>
  JSON.stringify([crd.metadata.uid, crd.metadata.generation, crd.status?.acceptedNames]);

/** Names that were refused after the CRD was established are not served; the accepted ones stay. */
function withAcceptedNames(crd: ReadonlyCrd): ReadonlyCrd {
  const accepted = crd.status?.acceptedNames;
  return accepted === undefined ? crd : { ...crd, spec: { ...crd.spec, names: accepted } };
}
