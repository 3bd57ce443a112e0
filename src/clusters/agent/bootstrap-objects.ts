/** What a control plane needs so that pull clusters can register: who may ask for which certificate, and where they find it. */
import type { KubeObject } from '../../apimachinery/object.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  Namespace,
  Role,
  RoleBinding,
} from '../../kubernetes/types.ts';
import { agentGroup, rbacGeneratorUser } from './agent-identity.ts';

/** The group that bootstrap tokens give by default. */
export const defaultTokenGroup = 'system:bootstrappers:karmada:default-cluster-token';
const apiGroup = 'rbac.authorization.k8s.io';
const apiVersion = `${apiGroup}/v1`;
const publicNamespace = 'kube-public';
const approver = 'system:karmada:certificatesigningrequest:autoapprover';
const selfApprover = 'system:karmada:certificatesigningrequest:selfautoapprover';
const generator = 'system:karmada:agent-rbac-generator';
const clusterInfoReader = 'system:karmada:bootstrap-signer-clusterinfo';

/** In the order in which they are to be created. `server`: the address of the API server; `ca`: PEM of its authority. */
export function agentBootstrapObjects({ server, ca }: { server: string; ca: string }): KubeObject[] {
  const mayAsk = (name: string, subresource: string): ClusterRole =>
    clusterRole(name, [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: [`certificatesigningrequests/${subresource}`],
        verbs: ['create'],
      },
    ]);
  return [
    namespace(publicNamespace),
    clusterInfo(server, ca),
    ...clusterInfoRights(),
    mayAsk(approver, 'clusteragent'),
    mayAsk(selfApprover, 'selfclusteragent'),
    binding('system:karmada:agent-bootstrap', 'system:node-bootstrapper', group(defaultTokenGroup)),
    binding('system:karmada:agent-autoapprove-bootstrap', approver, group(defaultTokenGroup)),
    binding('system:karmada:agent-autoapprove-certificate-rotation', selfApprover, group(agentGroup)),
    // Makes the rights of one agent, and so must hold them all, and asks for that agent's certificate.
    clusterRole(generator, [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['get'] },
    ]),
    binding(generator, generator, { apiGroup, kind: 'User', name: rbacGeneratorUser }),
  ];
}

/** A kubeconfig without credentials, signed by the control plane for every token that may sign. */
function clusterInfo(server: string, ca: string): ConfigMap {
  const kubeconfig = [
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    `    certificate-authority-data: ${Buffer.from(ca).toString('base64')}`,
    `    server: ${server}`,
    '  name: ""',
    'contexts: null',
    'current-context: ""',
    'kind: Config',
    'preferences: {}',
    'users: null',
    '',
  ].join('\n');
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-info', namespace: publicNamespace },
    data: { kubeconfig },
  };
}

/** Anybody may read it: who registers has no credentials yet. */
function clusterInfoRights(): (Role | RoleBinding)[] {
  const metadata = { name: clusterInfoReader, namespace: publicNamespace };
  return [
    {
      apiVersion,
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['cluster-info'], verbs: ['get'] }],
    },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: clusterInfoReader },
      subjects: [{ apiGroup, kind: 'User', name: 'system:anonymous' }],
    },
  ];
}

const namespace = (name: string): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const clusterRole = (name: string, rules: NonNullable<ClusterRole['rules']>): ClusterRole => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
});

type Subject = NonNullable<ClusterRoleBinding['subjects']>[number];

const group = (name: string): Subject => ({ apiGroup, kind: 'Group', name });

const binding = (name: string, role: string, subject: Subject): ClusterRoleBinding => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup, kind: 'ClusterRole', name: role },
  subjects: [subject],
});
