/** REST types of Karmada's kinds, for clients. */
import type { ResourceType } from '../apimachinery/group-version.ts';

export const policyGroup = 'policy.karmada.io';
export const configGroup = 'config.karmada.io';
export const workGroup = 'work.karmada.io';
export const clusterGroup = 'cluster.karmada.io';

const type = (group: string, version: string, resource: string, kind: string, namespaced: boolean): ResourceType => ({
  group,
  version,
  resource,
  kind,
  namespaced,
});

export const propagationPolicies = type(policyGroup, 'v1alpha1', 'propagationpolicies', 'PropagationPolicy', true);
export const clusterPropagationPolicies = type(
  policyGroup,
  'v1alpha1',
  'clusterpropagationpolicies',
  'ClusterPropagationPolicy',
  false,
);
export const overridePolicies = type(policyGroup, 'v1alpha1', 'overridepolicies', 'OverridePolicy', true);
export const clusterOverridePolicies = type(
  policyGroup,
  'v1alpha1',
  'clusteroverridepolicies',
  'ClusterOverridePolicy',
  false,
);
export const clusterTaintPolicies = type(policyGroup, 'v1alpha1', 'clustertaintpolicies', 'ClusterTaintPolicy', false);
export const resourceBindings = type(workGroup, 'v1alpha2', 'resourcebindings', 'ResourceBinding', true);
export const clusterResourceBindings = type(
  workGroup,
  'v1alpha2',
  'clusterresourcebindings',
  'ClusterResourceBinding',
  false,
);
export const works = type(workGroup, 'v1alpha1', 'works', 'Work', true);
export const clusters = type(clusterGroup, 'v1alpha1', 'clusters', 'Cluster', false);
export const resourceInterpreterCustomizations = type(
  configGroup,
  'v1alpha1',
  'resourceinterpretercustomizations',
  'ResourceInterpreterCustomization',
  false,
);
export const resourceInterpreterWebhookConfigurations = type(
  configGroup,
  'v1alpha1',
  'resourceinterpreterwebhookconfigurations',
  'ResourceInterpreterWebhookConfiguration',
  false,
);
