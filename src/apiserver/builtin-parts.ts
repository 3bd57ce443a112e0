/** The parts every API server has around its registry: identity, RBAC, admission, discovery, OpenAPI, CRDs, allocators. */
import type { Clock } from '../apimachinery/clock.ts';
import { createClient } from '../client/client.ts';
import {
  createServiceAccountTokenSigner,
  createServiceAccountTokenVerifier,
  defaultServiceAccountIssuer,
} from '../component/service-account-token.ts';
import type { Store } from '../storage/store.ts';
import { createAdmissionChain } from './admission/chain.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import { createPolicyAdmission } from './admission/policies/policy-admission.ts';
import { createWebhookAdmission } from './admission/webhooks/webhook-admission.ts';
import { type Aggregator, createAggregator } from './aggregation/aggregator.ts';
import { ensureKubernetesService } from './allocation/kubernetes-service.ts';
import { createServiceAllocator } from './allocation/service-allocator.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import {
  createBootstrapTokenAuthenticator,
  tokenAuthenticators,
} from './authentication/bootstrap-token-authenticator.ts';
import { createClientCertificateAuthenticator } from './authentication/client-certificates.ts';
import { createFrontProxyAuthenticator, requestHeaderConfig } from './authentication/front-proxy.ts';
import { createIdentityReviews } from './authentication/identity-reviews.ts';
import { createIssuerDiscovery } from './authentication/issuer-discovery.ts';
import { createRequestAuthenticator } from './authentication/request-authenticator.ts';
import { createServiceAccountAuthenticator } from './authentication/service-account-authenticator.ts';
import { createTokenRequestHandler } from './authentication/token-request.ts';
import { createAccessReviews } from './authorization/access-reviews.ts';
import type { Authorizer } from './authorization/authorizer.ts';
import { createEscalationCheck } from './authorization/escalation.ts';
import { createRbacAuthorizer } from './authorization/rbac-authorizer.ts';
import { RbacIndex } from './authorization/rbac-index.ts';
import { followRbac } from './authorization/rbac-index-feed.ts';
import { bootstrapRbac } from './bootstrap/rbac.ts';
import {
  bootstrapAuthenticationConfig,
  bootstrapNamespaces,
  bootstrapPriorityClasses,
} from './bootstrap/system-objects.ts';
import { createComponentStatuses } from './component-statuses.ts';
import { crdAdmission, createTerminatingCrdCheck } from './custom-resources/crd-admission.ts';
import { createCrdController } from './custom-resources/crd-controller.ts';
import { createDiscoveryRoutes } from './discovery/discovery-routes.ts';
import type { ComputedResource } from './endpoints/computed.ts';
import type { Route, VirtualResource } from './endpoints/special-routes.ts';
import { createOpenApiV2Route, createOpenApiV3Route } from './openapi/openapi-routes.ts';
import { createBindingHandler, createBindingResource } from './pods/binding.ts';
import { createEvictionHandler } from './pods/eviction.ts';
import type { Catalog } from './registry/catalog.ts';
import type { CommitHook } from './registry/commit-hook.ts';
import type { ResourceCatalog } from './registry/resource-catalog.ts';
import type { ApiServer, ApiServerOptions, ConnectHandler } from './server.ts';

export interface BuiltinContext {
  options: ApiServerOptions;
  catalog: Catalog;
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
  /** What of it concerns subresources that are served by functions: policies, webhooks. */
  connectAdmission: readonly AdmissionPlugin[];
  /** After those: what is charged to a quota should be written, so nobody may refuse it any more. */
  lastAdmission: readonly AdmissionPlugin[];
  routes: readonly Route[];
  remote?: Aggregator | undefined;
  virtualResources: readonly VirtualResource[];
  computed: readonly ComputedResource[];
  connect: readonly ConnectHandler[];
  commitHooks: readonly CommitHook[];
  /** Run in order after the caches are loaded and before the listener opens; `server.localTransport()` works already. */
  startHooks: readonly ((server: ApiServer) => Promise<void>)[];
  /** Called once the server listens at `url`. */
  listening?: (server: ApiServer, url: string) => Promise<void>;
  /** Run in order at stop, before requests are drained. */
  stopHooks: readonly (() => Promise<void>)[];
}

/** Called once by createApiServer, before the catalog holds any kind: keep the catalog, read it later. */
export function createBuiltinParts({ options, catalog, store, clock, version }: BuiltinContext): BuiltinParts {
  const index = new RbacIndex();
  const authorizer = createRbacAuthorizer(index);
  const crds = createCrdController(catalog, clock, options.converters);
  const allocator =
    options.allocateServices === undefined
      ? undefined
      : createServiceAllocator(options.allocateServices.serviceCidr, options.allocateServices.nodePorts);
  const { accountTokens, connect, routes } = serviceAccountParts(options, catalog, clock);
  const bootstrapTokens =
    options.bootstrapTokens === true
      ? createBootstrapTokenAuthenticator(catalog, [options.serviceAccountIssuer ?? defaultServiceAccountIssuer], clock)
      : undefined;
  const tokens = tokenAuthenticators([accountTokens, bootstrapTokens].filter((method) => method !== undefined));
  const frontProxy =
    options.requestHeader === undefined ? undefined : createFrontProxyAuthenticator(options.requestHeader, clock);
  const certificates =
    options.clientCa === undefined ? undefined : createClientCertificateAuthenticator(options.clientCa, clock);
  const webhooks = createWebhookAdmission(catalog, clock, authorizer);
  const policies = createPolicyAdmission(catalog, clock, authorizer);
  const chain = createAdmissionChain(catalog, clock, webhooks, policies, authorizer, options.disableAdmission);
  const remote = options.aggregation && createAggregator(catalog, clock, options.aggregation);
  let stopFollowing = () => {};

  return {
    authenticator: createRequestAuthenticator({ frontProxy, certificates, tokens }),
    authorizer,
    admission: [
      ...chain.filter((plugin) => !runsLast(plugin)),
      crdAdmission,
      createTerminatingCrdCheck(catalog),
      createEscalationCheck(index, authorizer),
    ],
    lastAdmission: chain.filter(runsLast),
    connectAdmission: [policies.mutating, webhooks.mutating, policies.validating, webhooks.validating],
    remote,
    routes: [
      ...(remote === undefined ? [] : [remote.route]),
      ...createDiscoveryRoutes(catalog, remote),
      createOpenApiV3Route(catalog, version, clock, remote),
      createOpenApiV2Route(catalog, version),
      ...routes,
    ],
    virtualResources: [
      createBindingResource(catalog, clock),
      ...createAccessReviews(authorizer, index),
      ...createIdentityReviews(tokens),
    ],
    computed: [createComponentStatuses(store)],
    connect: [...connect, createBindingHandler(catalog, clock), createEvictionHandler(catalog, clock)],
    commitHooks: allocator === undefined ? [] : [allocator.hook],
    startHooks: [
      async (server) => {
        stopFollowing = followRbac(index, catalog);
        webhooks.start();
        await allocator?.start(catalog, store);
        const client = createClient(server.localTransport());
        const context = { catalog, client };
        policies.start(client);
        await bootstrapNamespaces(context);
        await Promise.all([
          bootstrapRbac(context),
          bootstrapPriorityClasses(context),
          bootstrapAuthenticationConfig(
            context,
            options.clientCa,
            options.requestHeader && requestHeaderConfig(options.requestHeader),
          ),
          crds.start(client),
        ]);
        await remote?.start(client);
      },
    ],
    // The port that the system picked is known only now.
    async listening(server, url) {
      if (allocator === undefined) return;
      const { hostname, port } = new URL(url);
      const context = { catalog, client: createClient(server.localTransport()) };
      await ensureKubernetesService(context, allocator.range, hostname, Number(port));
    },
    stopHooks: [
      async () => {
        await remote?.stop();
        await crds.stop();
        allocator?.stop();
        stopFollowing();
        webhooks.stop();
        await policies.stop();
      },
    ],
  };
}

const runsLast = ({ name }: AdmissionPlugin): boolean => name === 'ResourceQuota';

/** Without a signing key the server issues no service account tokens, and has no way to ask for one. */
function serviceAccountParts(options: ApiServerOptions, catalog: ResourceCatalog, clock: Clock) {
  const { serviceAccountKey: signingKey, serviceAccountVerifyKeys: furtherKeys = [] } = options;
  const keys = signingKey === undefined ? furtherKeys : [signingKey, ...furtherKeys];
  if (keys.length === 0) return { accountTokens: undefined, connect: [], routes: [] };
  const issuer = options.serviceAccountIssuer ?? defaultServiceAccountIssuer;
  const audiences = [issuer];
  const verifier = createServiceAccountTokenVerifier(keys, issuer);
  const accountTokens = createServiceAccountAuthenticator(verifier, catalog, audiences, clock);
  const routes = createIssuerDiscovery(issuer, verifier);
  if (signingKey === undefined) return { accountTokens, connect: [], routes };
  const signer = createServiceAccountTokenSigner(signingKey, issuer);
  return { accountTokens, connect: [createTokenRequestHandler(signer, audiences, catalog, clock)], routes };
}
