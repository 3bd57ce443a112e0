/** Which resources the server has, one version of each, kept current: CRDs count as soon as they are established. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { groupKind, groupResource, type ResourceType } from '../apimachinery/group-version.ts';
import type { Client } from '../client/client.ts';
import { type ApiResource, createDiscovery, type ServerResources } from '../client/discovery.ts';
import type { InformerFactory } from '../client/informer.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import type { Runnable } from '../controller/manager.ts';
import { customResourceDefinitions } from '../kubernetes/resource-types.ts';

export interface DeletableResources extends Runnable {
  /** By `resource.group`; undefined before the first look. */
  readonly current: ReadonlyMap<string, ApiResource> | undefined;
  /** Called after each change, and at once when there is something to tell. */
  onChange(handler: (resources: ReadonlyMap<string, ApiResource>) => void): void;
  /** The REST type of an owner reference; asks the server when it is not known. Throws when there is no such kind. */
  typeOf(gvk: { group: string; version: string; kind: string }): Promise<ResourceType>;
}

export interface DeletableResourcesOptions {
  client: Client;
  informers: InformerFactory;
  clock?: Clock | undefined;
  logger?: Logger | undefined;
}

/** Aggregated APIs come and go without a CRD; they are noticed by then. */
const refreshMs = 30_000;
/** After a change of a CRD, the server's discovery may need a moment. */
const settleMs = [50, 200, 1000, 3000];

export function createDeletableResources(options: DeletableResourcesOptions): DeletableResources {
  const { client, informers, clock = systemClock, logger = silentLogger } = options;
  const discovery = createDiscovery(client, clock);
  const crds = informers.informer(customResourceDefinitions, { metadataOnly: false });
  const handlers: ((resources: ReadonlyMap<string, ApiResource>) => void)[] = [];
  let current: ReadonlyMap<string, ApiResource> | undefined;
  let wake = (): void => undefined;
  let settling: number[] = [...settleMs];
  let failed = '';
  const changed = (): void => {
    settling = [...settleMs];
    wake();
  };
  const removeHandler = crds.addHandler({ added: changed, updated: changed, deleted: changed });

  async function refresh(signal: AbortSignal): Promise<void> {
    const server = await discovery.serverResources(signal);
    const failures = server.failed.map((gv) => `${gv.group}/${gv.version}`).join(', ');
    if (failures !== failed && failures !== '')
      logger.warn('Some groups could not be discovered', { groups: failures });
    failed = failures;
    const found = deletableOf(server, current);
    if (current !== undefined && sameKeys(current, found)) return;
    current = found;
    for (const handler of handlers) handler(found);
  }

  return {
    name: 'deletable-resources',
    get current() {
      return current;
    },
    onChange(handler) {
      handlers.push(handler);
      if (current) handler(current);
    },
    async typeOf(gvk) {
      return discovery.resourceFor(gvk);
    },
    async run(signal) {
      try {
        while (!signal.aborted) {
          try {
            await refresh(signal);
          } catch (error) {
            if (signal.aborted) return;
            logger.warn('Discovery failed', { err: error });
          }
          const waitMs = settling.shift() ?? refreshMs;
          await waitOr(waitMs, clock, signal, (resolve) => {
            wake = resolve;
          });
        }
      } finally {
        removeHandler();
      }
    },
  };
}

/**
 * Resources that can be listed, watched and deleted, in the preferred version of their group. Those of a group version
 * that could not be discovered this time are taken over from the last.
 */
export function deletableOf(
  server: ServerResources,
  previous: ReadonlyMap<string, ApiResource> | undefined,
): Map<string, ApiResource> {
  const result = new Map<string, ApiResource>();
  for (const { resources } of server.groupVersions)
    for (const resource of resources) {
      const key = groupResource(resource);
      if (!result.has(key) && ['delete', 'list', 'watch'].every((verb) => resource.verbs.includes(verb)))
        result.set(key, resource);
    }
  for (const [key, resource] of previous ?? [])
    if (!result.has(key) && server.failed.some((gv) => gv.group === resource.group && gv.version === resource.version))
      result.set(key, resource);
  return result;
}

function sameKeys(a: ReadonlyMap<string, ApiResource>, b: ReadonlyMap<string, ApiResource>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, resource] of a) {
    const other = b.get(key);
    if (other?.version !== resource.version || groupKind(other) !== groupKind(resource)) return false;
  }
  return true;
}

/** Waits, or until `register`ed callback is called, or the signal aborts. Never rejects. */
async function waitOr(
  ms: number,
  clock: Clock,
  signal: AbortSignal,
  register: (wake: () => void) => void,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.setTimeout(done, ms);
    function done(): void {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
    register(done);
    if (signal.aborted) done();
  });
}
