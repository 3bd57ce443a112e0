/** Who the agents of pull clusters are towards the control plane. */
export const agentGroup = 'system:karmada:agents';
const agentUserPrefix = 'system:karmada:agent:';
/** The identity that makes an agent's rights while a cluster registers. */
export const rbacGeneratorUser = `${agentUserPrefix}rbac-generator`;
/** Signs the certificates of both. */
export const agentSigner = 'kubernetes.io/kube-apiserver-client';
export const agentUsages = ['digital signature', 'key encipherment', 'client auth'] as const;

export const agentUser = (cluster: string): string => `${agentUserPrefix}${cluster}`;

export const isAgentUser = (commonName: string): boolean => commonName.startsWith(agentUserPrefix);
