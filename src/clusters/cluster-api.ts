/** `clusters.cluster.karmada.io`: not a custom resource but an API group of its own, handed to the API server by cmd. */
import { formatTime } from '../apimachinery/clock.ts';
import { findCondition } from '../apimachinery/conditions.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusterSchema } from '../apis/cluster/v1alpha1/cluster-schema.ts';
import { clusterReady } from '../apis/constants.ts';
import { clusters } from '../apis/resource-types.ts';
import { ageColumn, columnsOf, nameColumn } from '../kubernetes/printing/formats.ts';
import { clusterNameErrors, validateCluster } from './cluster-validation.ts';
import { defaultResourceModels, standardizeResourceModels } from './resource-models.ts';

const { column, wide } = columnsOf<Cluster>();
const or = (text: string | undefined, absent: string) => (text === undefined || text === '' ? absent : text);

export const clusterResourceDefinition: ResourceDefinition = {
  type: clusters,
  singular: 'cluster',
  listKind: 'ClusterList',
  shortNames: [],
  categories: [],
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  schema: clusterSchema,
  strategicMerge: false,
  hasStatus: true,
  generation: 'spec',
  prepareForCreate(object, { now }) {
    const { spec } = object as unknown as Cluster;
    // An object without a spec is refused by validation, which comes later.
    if (spec === undefined) return;
    spec.resourceModels =
      spec.resourceModels === undefined || spec.resourceModels.length === 0
        ? defaultResourceModels()
        : standardizeResourceModels(spec.resourceModels);
    canonicalize(spec, now);
  },
  prepareForUpdate(object, _old, { now }) {
    const { spec } = object as unknown as Cluster;
    if (spec === undefined) return;
    if (spec.resourceModels !== undefined && spec.resourceModels.length > 0) {
      spec.resourceModels = standardizeResourceModels(spec.resourceModels);
    }
    canonicalize(spec, now);
  },
  validate: (object) => validateCluster(object as unknown as DeepReadonly<Cluster>),
  validateUpdate: (object) => validateCluster(object as unknown as DeepReadonly<Cluster>),
  validateName: (name) => clusterNameErrors(name)[0],
  columns: [
    nameColumn,
    column('Version', ({ status }) => status?.kubernetesVersion ?? ''),
    column('Mode', ({ spec }) => spec.syncMode),
    column('Ready', ({ status }) => findCondition(status?.conditions, clusterReady)?.status ?? 'Unknown'),
    ageColumn,
    wide('Zones', ({ spec }) => or(spec.zones?.join(','), '<none>')),
    wide('Region', ({ spec }) => or(spec.region, '<none>')),
    wide('Provider', ({ spec }) => or(spec.provider, '<none>')),
    wide('API-Endpoint', ({ spec }) => spec.apiEndpoint ?? ''),
    wide('Proxy-URL', ({ spec }) => or(spec.proxyURL, '<none>')),
  ],
  warnings: (object: DeepReadonly<Unstructured>) =>
    (object as unknown as DeepReadonly<Cluster>).spec?.zone ? ['spec.zone: deprecated, use spec.zones'] : [],
};

/** A NoExecute taint starts to count when it is written; the old single zone becomes a list of one. */
function canonicalize(spec: Cluster['spec'], now: number): void {
  // Kept by nobody: `describe` would show a heading without anything below it.
  if (spec.taints?.length === 0) delete spec.taints;
  for (const taint of spec.taints ?? []) if (taint.effect === 'NoExecute') taint.timeAdded ??= formatTime(now);
  if (spec.zone && (spec.zones?.length ?? 0) === 0) {
    spec.zones = [spec.zone];
    delete spec.zone;
  }
}
