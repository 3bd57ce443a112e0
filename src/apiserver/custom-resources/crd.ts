/** Static type of apiextensions.k8s.io/v1 CustomResourceDefinition, and its names. */
import type { Condition, DeepReadonly, KubeObject } from '../../apimachinery/object.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import type { WebhookClientConfig } from '../../kubernetes/admissionregistration/webhook-types.ts';
import type { PrinterColumn } from './columns.ts';

export interface CustomResourceDefinition extends KubeObject {
  spec: CrdSpec;
  status?: CrdStatus;
}

export interface CrdSpec {
  group: string;
  names: CrdNames;
  scope: 'Namespaced' | 'Cluster';
  versions: CrdVersion[];
  conversion?: CrdConversion;
  preserveUnknownFields?: boolean;
}

export interface CrdConversion {
  strategy: string;
  webhook?: { clientConfig?: WebhookClientConfig; conversionReviewVersions?: string[] };
}

export interface CrdNames {
  plural: string;
  singular?: string;
  shortNames?: string[];
  kind: string;
  listKind?: string;
  categories?: string[];
}

export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: Schema };
  subresources?: {
    status?: Record<string, never>;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
}

export interface CrdStatus {
  conditions?: Condition[];
  acceptedNames?: CrdNames;
  storedVersions?: string[];
}

export type ReadonlyCrd = DeepReadonly<CustomResourceDefinition>;

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const crdName = (crd: ReadonlyCrd): string => crd.metadata.name ?? '';

export const storageVersionOf = (crd: ReadonlyCrd): DeepReadonly<CrdVersion> | undefined =>
  crd.spec.versions.find((version) => version.storage);

export const singularOf = (names: DeepReadonly<CrdNames>): string => names.singular || names.kind.toLowerCase();
export const listKindOf = (names: DeepReadonly<CrdNames>): string => names.listKind || `${names.kind}List`;
