/**
 * Group versions that another server serves, registered by an APIService with a `service`:
 *
 *   request ──authenticated, authorized here──▶ forwarded with X-Remote-* and the proxy's certificate ──▶ the other server
 *   APIService, its Service or those behind it changed, or 30 s passed ──▶ asked for its discovery ──▶ condition Available, discovery here
 */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';
import { statusFailure } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { createController } from '../../controller/controller.ts';
import { type ApiService, apiServices } from '../../kubernetes/apiregistration/api-service.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { ServedVersion } from '../discovery/served-groups.ts';
import type { Route } from '../endpoints/special-routes.ts';
import { forward, forwardUpgrade } from '../forwarding/forward.ts';
import { headerText, requestHeaders } from '../forwarding/forwarded-headers.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { type AutoRegistration, startAutoRegistration } from './auto-registration.ts';
import { writeCondition } from './available-condition.ts';
import { createBackends, locate, type ProxyClient } from './backend.ts';
import { discover } from './remote-discovery.ts';
import { createServiceEndpoints } from './service-endpoints.ts';

export interface AggregationOptions {
  proxyClient?: ProxyClient | undefined;
  /** Requests go to those behind a Service, not to its clusterIP. */
  toEndpoints?: boolean;
}

export interface RemoteVersion {
  groupPriority: number;
  versionPriority: number;
  /** Without resources while nobody could be asked yet. */
  served: ServedVersion;
  stale: boolean;
}

/** What discovery, OpenAPI and the router know of it. */
export interface RemoteApis {
  /** Goes up with every change of `versions`. */
  readonly generation: number;
  versions(): readonly RemoteVersion[];
  /** Whether another server answers for this group version. O(1). */
  has(group: string, version: string): boolean;
  forward(request: ApiRequest, group: string, version: string, user: UserInfo): Promise<ApiResponse>;
}

export interface Aggregator extends RemoteApis {
  /** Discovery and OpenAPI of such a group version. */
  route: Route;
  start(client: Client): Promise<void>;
  stop(): Promise<void>;
}

interface Registered {
  object: DeepReadonly<ApiService>;
  available: boolean;
  remote: RemoteVersion;
}

const checkInterval = 30_000;
/** Of what is away. */
const retryInterval = 5000;
const unavailable = () =>
  statusFailure(503, 'ServiceUnavailable', 'the server is currently unable to handle the request');
const path = /^\/(?:apis|openapi\/v3\/apis)\/([^/]+)\/([^/]+)\/?$/;

export function createAggregator(
  catalog: ResourceCatalog,
  clock: Clock,
  { proxyClient, toEndpoints = false }: AggregationOptions,
): Aggregator {
  /** By `<version>.<group>`, the object's name. */
  const registered = new Map<string, Registered>();
  const backends = createBackends(proxyClient);
  const stopped = new AbortController();
  const unsubscribe: (() => void)[] = [];
  let generation = 0;
  let running: Promise<unknown> = Promise.resolve();
  let registration: AutoRegistration | undefined;
  const sources = createServiceEndpoints(catalog);

  async function check(name: string, client: Client): Promise<void> {
    const entry = registered.get(name);
    if (entry === undefined) return;
    const { object } = entry;
    const { group = '', version = '' } = object.spec;
    const place = locate(object, sources, toEndpoints);
    let condition: Omit<Condition, 'lastTransitionTime'>;
    if ('reason' in place) condition = { type: 'Available', status: 'False', ...place };
    else {
      try {
        const served = await discover(backends.connect(object, place), group, version);
        condition = { type: 'Available', status: 'True', reason: 'Passed', message: 'all checks passed' };
        if (registered.get(name) === entry) entry.remote = { ...entry.remote, served };
      } catch (error) {
        const message = (error as Error).message;
        condition = { type: 'Available', status: 'False', reason: 'FailedDiscoveryCheck', message };
      }
    }
    if (registered.get(name) !== entry) return;
    entry.available = condition.status === 'True';
    entry.remote = { ...entry.remote, stale: !entry.available };
    generation++;
    await writeCondition(client, name, condition, clock);
  }

  const forwardTo = async (request: ApiRequest, name: string, user: UserInfo): Promise<ApiResponse> => {
    const entry = registered.get(name);
    const place = entry?.available === true ? locate(entry.object, sources, toEndpoints) : undefined;
    if (entry === undefined || place === undefined || 'reason' in place) throw unavailable();
    const { url, agent } = backends.connect(entry.object, place);
    const { namespace = '', name: service = '' } = entry.object.spec.service ?? {};
    const query = request.query.size === 0 ? '' : `?${request.query}`;
    const target = {
      url,
      agent,
      path: request.path + query,
      headers: { ...requestHeaders(request, `${service}.${namespace}.svc`), ...identity(request, user) },
    };
    return request.upgrade === undefined ? forward(request, target) : forwardUpgrade(request, target);
  };

  return {
    get generation() {
      return generation;
    },
    versions: () => [...registered.values()].map(({ remote }) => remote),
    has: (group, version) => registered.size > 0 && registered.has(`${version}.${group}`),
    forward: (request, group, version, user) => forwardTo(request, `${version}.${group}`, user),
    route: {
      handles(asked) {
        const match = registered.size === 0 ? null : path.exec(asked);
        return match !== null && registered.has(`${match[2]}.${match[1]}`);
      },
      handle(request, user) {
        const match = path.exec(decodeURIComponent(request.path));
        return forwardTo(request, `${match?.[2]}.${match?.[1]}`, user);
      },
    },
    async start(client) {
      const controller = createController({
        name: 'apiservice-availability',
        reconcile: async (name) => {
          await check(name, client);
          const entry = registered.get(name);
          return entry && { requeueAfter: entry.available ? checkInterval : retryInterval };
        },
        maxDelay: 10_000,
      });
      const forget = (name: string): void => {
        if (!registered.delete(name)) return;
        backends.forget(name);
        generation++;
      };
      unsubscribe.push(
        catalog.reader(apiServices.type).subscribe({
          put(found) {
            const object = found as DeepReadonly<ApiService>;
            const name = object.metadata.name ?? '';
            const { group = '', version = '', service, groupPriorityMinimum, versionPriority } = object.spec;
            if (service === undefined) return forget(name);
            const known = registered.get(name);
            const same = known !== undefined && JSON.stringify(known.object.spec) === JSON.stringify(object.spec);
            if (same) {
              known.object = object;
              return;
            }
            registered.set(name, {
              object,
              available: false,
              remote: {
                groupPriority: groupPriorityMinimum,
                versionPriority,
                served: known?.remote.served ?? { group, version, resources: [] },
                stale: true,
              },
            });
            generation++;
            controller.enqueue(name);
          },
          deleted: ({ metadata }) => forget(metadata.name ?? ''),
        }),
      );
      unsubscribe.push(
        sources.follow((namespace, changed) => {
          for (const [name, { object }] of registered) {
            const { service } = object.spec;
            if (service?.name === changed && service?.namespace === namespace) controller.enqueue(name);
          }
        }),
      );
      running = controller.run(stopped.signal);
      registration = startAutoRegistration(catalog, client, clock);
    },
    async stop() {
      for (const end of unsubscribe) end();
      stopped.abort();
      await registration?.stop();
      await running;
      for (const name of registered.keys()) backends.forget(name);
    },
  };
}

/** Who asks, as the other server is to believe it from us. */
function identity(request: ApiRequest, user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': headerText(user.name) };
  if (user.uid !== undefined && user.uid !== '') headers['x-remote-uid'] = headerText(user.uid);
  if (user.groups.length > 0) headers['x-remote-group'] = user.groups.map(headerText);
  for (const [key, values] of Object.entries(user.extra ?? {}))
    headers[`x-remote-extra-${encodeURIComponent(key).toLowerCase()}`] = values.map(headerText);
  const host = request.headers['host'] ?? request.headers[':authority'];
  const before = request.headers['x-forwarded-for'];
  headers['x-forwarded-for'] = [...(before === undefined ? [] : [before].flat()), request.remoteAddress].join(', ');
  if (typeof host === 'string') headers['x-forwarded-host'] = host;
  headers['x-forwarded-proto'] = 'https';
  headers['x-forwarded-uri'] = request.path;
  return headers;
}
