/**
 * An API server for a few groups beside another API server: identity and rights are asked of that one, and nothing of a
 * cluster's own (namespaces, RBAC, CRDs, admission) is here.
 */
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import { createDiscoveryRoutes } from './discovery/discovery-routes.ts';
import { createOpenApiV2Route, createOpenApiV3Route } from './openapi/openapi-routes.ts';
import { type ApiServer, type ApiServerOptions, assembleServer } from './server.ts';

export interface ExtensionServerOptions
  extends Pick<ApiServerOptions, 'store' | 'connect' | 'admission' | 'serving' | 'compaction' | 'clock' | 'version'> {
  resources: readonly ResourceDefinition[];
  authenticator: Authenticator;
  authorizer: Authorizer;
  /** PEM of those who sign client certificates, as of now. */
  authorities(): string | undefined;
}

export function createExtensionServer(options: ExtensionServerOptions): ApiServer {
  const { authenticator, authorizer } = options;
  return assembleServer(
    options,
    ({ catalog, version, clock }) => ({
      authenticator,
      authorizer,
      admission: [],
      connectAdmission: [],
      lastAdmission: [],
      routes: [
        ...createDiscoveryRoutes(catalog),
        createOpenApiV3Route(catalog, version, clock),
        createOpenApiV2Route(catalog, version),
      ],
      virtualResources: [],
      computed: [],
      connect: [],
      commitHooks: [],
      startHooks: [],
      stopHooks: [],
    }),
    [],
    options.authorities,
  );
}
