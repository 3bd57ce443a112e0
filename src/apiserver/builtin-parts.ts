/** The parts every API server has around its registry: identity, RBAC, admission, discovery, OpenAPI, CRDs, allocators. */
import type { Clock } from '../apimachinery/clock.ts';
import type { Store } from '../storage/store.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import type { Route, VirtualResource } from './endpoints/special-routes.ts';
import type { CommitHook } from './registry/commit-hook.ts';
import type { ResourceCatalog } from './registry/resource-catalog.ts';
import type { ApiServer, ApiServerOptions, ConnectHandler } from './server.ts';

export interface BuiltinContext {
  options: ApiServerOptions;
  catalog: ResourceCatalog;
  store: Store;
  clock: Clock;
  /** `v1.36.0` plus a suffix. */
  version: string;
}

export interface BuiltinParts {
  authenticator: Authenticator;
  authorizer: Authorizer;
  /** In order; plugins of ApiServerOptions.admission run after them. */
  admission: readonly AdmissionPlugin[];
  routes: readonly Route[];
  virtualResources: readonly VirtualResource[];
  connect: readonly ConnectHandler[];
  commitHooks: readonly CommitHook[];
  /** Run in order after the caches are loaded and before the listener opens; `server.localTransport()` works already. */
  startHooks: readonly ((server: ApiServer) => Promise<void>)[];
  /** Run in order at stop, before requests are drained. */
  stopHooks: readonly (() => Promise<void>)[];
}

/** Called once by createApiServer, before the catalog holds any kind: keep the catalog, read it later. */
export function createBuiltinParts(_context: BuiltinContext): BuiltinParts {
  return {
    authenticator: { authenticate: async () => undefined },
    authorizer: {
      authorize: ({ user }) => ({ allowed: user.groups.includes('system:masters'), reason: '' }),
    },
    admission: [],
    routes: [],
    virtualResources: [],
    connect: [],
    commitHooks: [],
    startHooks: [],
    stopHooks: [],
  };
}
