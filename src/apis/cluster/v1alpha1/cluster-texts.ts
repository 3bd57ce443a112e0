/** What `kubectl explain clusters` says. */
import type { FieldTexts } from '../../describe-fields.ts';

export const clusterTexts: FieldTexts = {
  '': 'A member cluster: how to reach it, and what is known of it.',
  'spec.id': 'UID of its namespace kube-system: one cluster cannot be joined twice.',
  'spec.syncMode':
    'Push: the control plane connects to the member. Pull: an agent in the member connects to the control plane.',
  'spec.apiEndpoint': 'https://host:port of its API server.',
  'spec.secretRef': 'Secret with token and caBundle for reaching it.',
  'spec.impersonatorSecretRef': 'Secret with the token that may impersonate users there.',
  'spec.insecureSkipTLSVerification': 'True: its certificate is not checked. Not for production.',
  'spec.proxyURL': 'Proxy on the way to it: http, https or socks5.',
  'spec.provider': 'Cloud provider; placement can select and spread by it.',
  'spec.region': 'Region; placement can select and spread by it.',
  'spec.zones': 'Zones; placement can select and spread by them.',
  'spec.zone': 'Deprecated; use zones.',
  'spec.taints': 'Keep objects away that do not tolerate them.',
  'spec.resourceModels': 'Grades by which its nodes are counted, for estimating room.',
  'status.kubernetesVersion': 'Version of its API server.',
  'status.apiEnablements': 'Kinds that it serves.',
  'status.conditions': 'Ready, and CompleteAPIEnablements.',
  'status.nodeSummary': 'Nodes, and how many are ready.',
  'status.resourceSummary': 'What its nodes offer, and what its pods ask for.',
};
