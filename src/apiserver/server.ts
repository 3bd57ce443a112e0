/** Assembles an API server: storage, resources, admission, identity and listeners. */
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import type { Clock } from '../apimachinery/clock.ts';
import type { Store } from '../storage/store.ts';
import type { Transport } from '../client/transport.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import type { UserInfo } from './authentication/user-info.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

/** A subresource that is served by a function instead of the registry: pods/log, clusters/proxy, serviceaccounts/token. */
export interface ConnectHandler {
  /** `pods/log`: resource and subresource, of the group and version of `type`. */
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** HTTP methods, upper case. */
  methods: readonly string[];
  /** Kind shown in discovery, its group and version where they differ from the resource's. */
  kind: string;
  kindGroupVersion?: { group: string; version: string };
  handle(request: ConnectRequest): Promise<ApiResponse>;
}

export interface ConnectRequest {
  request: ApiRequest;
  user: UserInfo;
  namespace: string;
  name: string;
  /** What follows the subresource in the path, without a leading slash. */
  rest: string;
  /** The stored object the subresource belongs to. */
  object: DeepReadonly<Unstructured>;
}

export interface ServingOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** 0 picks a free one. */
  port: number;
  /** PEM. */
  cert: string;
  key: string;
}

export interface ApiServerOptions {
  store: Store;
  /** Kinds besides the built-in ones and CRDs: API groups that `cmd` brings along. */
  resources?: readonly ResourceDefinition[];
  connect?: readonly ConnectHandler[];
  /** Run after the built-in admission chain. */
  admission?: readonly AdmissionPlugin[];
  serving?: ServingOptions;
  /** PEM of the CA that signs client certificates. */
  clientCa?: string;
  /** PEM of the EC or RSA key that signs service account tokens. */
  serviceAccountKey?: string;
  /** Default https://kubernetes.default.svc.cluster.local */
  serviceAccountIssuer?: string;
  /** Service clusterIPs and nodePorts are allocated (a cluster with workloads) or left as written (a control plane of templates). */
  allocateServices?: { serviceCidr: string; nodePorts?: readonly [number, number] } | undefined;
  /** Admission plugins of the built-in chain to leave out, by name (Karmada's control plane: ServiceAccount). */
  disableAdmission?: readonly string[];
  /** Default 1 hour. */
  eventTtlMs?: number;
  clock?: Clock;
  /** `v1.36.0` plus a suffix. */
  version?: string;
}

export interface ApiServer {
  /** Loads caches, writes the bootstrap objects (namespaces, RBAC) and listens when `serving` is given. */
  start(): Promise<void>;
  /** `https://127.0.0.1:34567`, once it listens. */
  readonly url: string;
  handle(request: ApiRequest): Promise<ApiResponse>;
  /** A transport whose requests are made by `user` (default: system:admin in system:masters). */
  localTransport(user?: UserInfo): Transport;
  /** Ends watches, drains requests (≤ 5 s), closes listeners. The store stays open: its owner closes it. */
  stop(): Promise<void>;
}
