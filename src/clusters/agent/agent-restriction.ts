/**
 * AgentRestriction: what an agent may not do though its rights, which are upstream's, would let it. RBAC knows no names on create
 * and gives all Leases or none; without this an agent could keep another cluster's heartbeat up, stop the control plane by
 * taking its leader's Lease, or have another cluster's token sent to a server of its choice by a Cluster that names its Secret.
 */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { forbidden } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { impersonatorSecretName } from '../../apis/naming.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../../apiserver/admission/plugin.ts';
import type { UserInfo } from '../../apiserver/authentication/user-info.ts';
import { leases, secrets } from '../../kubernetes/resource-types.ts';
import { agentGroup, agentUser, isAgentUser, rbacGeneratorUser } from './agent-identity.ts';

/** After RBAC, like NodeRestriction for kubelets. */
export function createAgentRestriction(): AdmissionPlugin {
  return {
    name: 'AgentRestriction',
    handles: ({ user, type }) => isAgent(user) && restricted.some((kind) => isSame(kind, type)),
    validate(request) {
      const cluster = request.user.name.slice(agentUser('').length);
      const why = refusal(request, cluster);
      if (why !== undefined)
        throw forbidden(request.type, request.name, `the agent of cluster ${JSON.stringify(cluster)} ${why}`);
    },
  };
}

const restricted = [clusters, leases, secrets];
const isSame = (a: { group: string; resource: string }, b: { group: string; resource: string }): boolean =>
  a.resource === b.resource && a.group === b.group;

const isAgent = ({ name, groups = [] }: UserInfo): boolean =>
  isAgentUser(name) && name !== rbacGeneratorUser && groups.includes(agentGroup);

function refusal({ type, name, subresource, object }: AdmissionRequest, cluster: string): string | undefined {
  if (isSame(type, leases))
    return [cluster, `karmada-agent-${cluster}`].includes(name) ? undefined : 'may write its own Leases only';
  if (isSame(type, secrets))
    return [cluster, impersonatorSecretName(cluster)].includes(name) ? undefined : 'may write its own Secrets only';
  if (name !== cluster) return 'may write its own Cluster only';
  if (object === undefined || subresource !== '') return undefined;
  const { spec } = object as unknown as DeepReadonly<Cluster>;
  if (spec?.syncMode !== 'Pull') return 'may register a cluster with syncMode Pull only';
  const foreign = ![cluster, undefined].includes(spec.secretRef?.name);
  const foreignImpersonator = ![impersonatorSecretName(cluster), undefined].includes(spec.impersonatorSecretRef?.name);
  return foreign || foreignImpersonator ? 'may refer to its own Secrets only' : undefined;
}
