/** The informers of the control plane that several controllers read, with the indexes they look things up by. */
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import {
  clusterResourceBindingNameAnnotation,
  clusterResourceBindingPermanentIdLabel,
  resourceBindingNameAnnotation,
  resourceBindingNamespaceAnnotation,
  resourceBindingPermanentIdLabel,
} from '../apis/constants.ts';
import type { ClusterOverridePolicy, OverridePolicy } from '../apis/policy/v1alpha1/override-policy.ts';
import type { ClusterPropagationPolicy, PropagationPolicy } from '../apis/policy/v1alpha1/propagation-policy.ts';
import {
  clusterOverridePolicies,
  clusterPropagationPolicies,
  clusterResourceBindings,
  clusters,
  overridePolicies,
  propagationPolicies,
  resourceBindings,
  works,
} from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { ClusterResourceBinding, ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Informer, InformerFactory } from '../client/informer.ts';
import { claimLabel } from './detector/claim.ts';

export interface Caches {
  policies: Informer<PropagationPolicy>;
  clusterPolicies: Informer<ClusterPropagationPolicy>;
  overridePolicies: Informer<OverridePolicy>;
  clusterOverridePolicies: Informer<ClusterOverridePolicy>;
  bindings: Informer<ResourceBinding>;
  clusterBindings: Informer<ClusterResourceBinding>;
  works: Informer<Work>;
  clusters: Informer<Cluster>;
}

/** Index of templates and bindings: `namespaced/<id>` and `cluster/<id>` of the policies that claim them. */
export const byClaim = 'propagation-claim';
/** Index of Works: key of the ResourceBinding (`namespace/name`) or ClusterResourceBinding (`name`) that they were made for. */
export const byBinding = 'propagation-binding';
/** Index of bindings: `templateIndexValue` of their template, by name, by namespace and for the whole kind. */
export const byTemplate = 'propagation-template';

/** Creates the informers. Must be called before the factory starts. */
export function createCaches(informers: InformerFactory): Caches {
  const caches: Caches = {
    policies: informers.informer<PropagationPolicy>(propagationPolicies),
    clusterPolicies: informers.informer<ClusterPropagationPolicy>(clusterPropagationPolicies),
    overridePolicies: informers.informer<OverridePolicy>(overridePolicies),
    clusterOverridePolicies: informers.informer<ClusterOverridePolicy>(clusterOverridePolicies),
    bindings: informers.informer<ResourceBinding>(resourceBindings),
    clusterBindings: informers.informer<ClusterResourceBinding>(clusterResourceBindings),
    works: informers.informer<Work>(works),
    clusters: informers.informer<Cluster>(clusters),
  };
  caches.bindings.addIndex(byClaim, claimIndex);
  caches.clusterBindings.addIndex(byClaim, claimIndex);
  for (const informer of [caches.bindings, caches.clusterBindings]) informer.addIndex(byTemplate, templatesOfBinding);
  caches.works.addIndex(byBinding, bindingsOfWork);
  return caches;
}

export function claimIndex(object: DeepReadonly<KubeObject>): string[] {
  const labels = object.metadata.labels;
  if (labels === undefined) return [];
  const values: string[] = [];
  for (const scope of ['namespaced', 'cluster'] as const) {
    const id = labels[claimLabel[scope]];
    if (id) values.push(`${scope}/${id}`);
  }
  return values;
}

/** Keys of the bindings that a Work names in label and annotations; a Namespace's Work may name none. */
export function bindingsOfWork(work: DeepReadonly<Work>): string[] {
  const { labels = {}, annotations = {} } = work.metadata;
  const keys: string[] = [];
  const namespace = annotations[resourceBindingNamespaceAnnotation];
  const name = annotations[resourceBindingNameAnnotation];
  if (labels[resourceBindingPermanentIdLabel] && namespace && name) keys.push(`${namespace}/${name}`);
  const clusterName = annotations[clusterResourceBindingNameAnnotation];
  if (labels[clusterResourceBindingPermanentIdLabel] && clusterName) keys.push(clusterName);
  return keys;
}

/** Without name: all of a namespace; without namespace: all of the kind (by name: of every namespace). */
export function templateIndexValue(scope: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}): string {
  return `${scope.apiVersion}|${scope.kind}|${scope.namespace ?? '*'}|${scope.name || '*'}`;
}

function templatesOfBinding({ spec }: DeepReadonly<ResourceBinding>): string[] {
  const { apiVersion, kind, namespace = '', name } = spec.resource;
  return [
    templateIndexValue({ apiVersion, kind, namespace, name }),
    templateIndexValue({ apiVersion, kind, namespace }),
    templateIndexValue({ apiVersion, kind, name }),
    templateIndexValue({ apiVersion, kind }),
  ];
}
