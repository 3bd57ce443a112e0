/**
 * `clusters/{name}/proxy/{path}`: the API of a member, through the control plane, as the caller.
 *
 *   caller ──authorized on clusters/proxy──▶ here ──impersonator's token, Impersonate-User and -Group──▶ member: its own RBAC
 *
 * The impersonator may do nothing in the member but act as somebody, so the caller's rights there are the only ones there are.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { badRequest } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { UserInfo } from '../../apiserver/authentication/user-info.ts';
import { forward, forwardUpgrade } from '../../apiserver/forwarding/forward.ts';
import type { ApiResponse } from '../../apiserver/request.ts';
import type { ConnectHandler, ConnectRequest } from '../../apiserver/server.ts';
import type { Transport } from '../../client/transport.ts';
import type { ReadSecret } from '../../members/member-connection.ts';
import { createAllClusters } from './all-clusters.ts';
import { createMemberEndpoints } from './member-endpoint.ts';
import { memberHeaders } from './member-headers.ts';

export interface ClusterProxyOptions {
  /** Reads a Secret of the control plane. */
  readSecret: ReadSecret;
  /** Reads all Clusters, for requests to all of them. */
  listClusters(): Promise<readonly DeepReadonly<Cluster>[]>;
  /** The API server of the control plane, asked by this user. */
  controlPlane(user: UserInfo): Transport;
  clock: Clock;
  /** Of each cluster, when all are asked. Default 5 s. */
  askTimeoutMs?: number | undefined;
}

/** The name that means all clusters. */
const all = '*';

export function createClusterProxy(options: ClusterProxyOptions): ConnectHandler {
  const endpoints = createMemberEndpoints(options.readSecret, options.clock);
  const toAll = createAllClusters({ ...options, toCluster });

  function proxy(connect: ConnectRequest): Promise<ApiResponse> {
    refuseClimbing(connect.rest);
    return connect.name === all
      ? toAll(connect)
      : toCluster(connect, connect.object as unknown as DeepReadonly<Cluster>);
  }

  async function toCluster(connect: ConnectRequest, cluster: DeepReadonly<Cluster>): Promise<ApiResponse> {
    const { request, user, rest } = connect;
    const send = request.upgrade === undefined ? forward : forwardUpgrade;
    const { url, token, agent } = await endpoints.of(cluster);
    const query = request.query.size > 0 ? `?${request.query}` : '';
    const response = await send(request, {
      url,
      agent,
      path: `${url.pathname.replace(/\/$/, '')}/${rest}${query}`,
      headers: memberHeaders(request, user, token, url.host),
    });
    if (response.status === 401) endpoints.distrust(cluster);
    return response;
  }

  return {
    group: clusters.group,
    version: clusters.version,
    resource: clusters.resource,
    subresource: 'proxy',
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
    kind: 'ClusterProxyOptions',
    standIn: (name) => (name === all ? standIn : undefined),
    handle: proxy,
    upgrade: proxy,
  };
}

const standIn = { apiVersion: apiVersionOf(clusters), kind: clusters.kind, metadata: { name: all } };

/** A path may not leave what stands in front of it in the member's address. */
function refuseClimbing(rest: string): void {
  const plain = rest.replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/');
  if (plain.split('/').some((segment) => segment === '.' || segment === '..'))
    throw badRequest('a path to a cluster must not contain "." or ".."');
}
