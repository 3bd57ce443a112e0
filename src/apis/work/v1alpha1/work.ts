/** Work: the manifests for one member cluster, in its execution namespace, and their state there. */
import type { Condition, KubeObject, Unstructured } from '../../../apimachinery/object.ts';
import type { ResourceHealth } from '../../shared.ts';

export interface Work extends KubeObject {
  spec: WorkSpec;
  status?: WorkStatus;
}

export interface WorkSpec {
  workload?: { manifests?: Unstructured[] };
  suspendDispatching?: boolean;
  preserveResourcesOnDeletion?: boolean;
}

export interface WorkStatus {
  conditions?: Condition[];
  manifestStatuses?: ManifestStatus[];
}

export interface ManifestStatus {
  identifier: ResourceIdentifier;
  status?: Record<string, unknown>;
  health?: ResourceHealth;
}

export interface ResourceIdentifier {
  /** Index in spec.workload.manifests. */
  ordinal: number;
  group?: string;
  version: string;
  kind: string;
  /** Plural. Required by the schema, yet upstream sends it empty. */
  resource: string;
  namespace?: string;
  name: string;
}
