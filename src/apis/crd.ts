/** Karmada's CustomResourceDefinitions, made from the schemas of this room. */
import { groupResource, type ResourceType } from '../apimachinery/group-version.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import type { Schema } from '../apimachinery/schema/structural.ts';
import { resourceInterpreterCustomizationSchema } from './config/v1alpha1/resource-interpreter-customization-schema.ts';
import { resourceInterpreterWebhookConfigurationSchema } from './config/v1alpha1/resource-interpreter-webhook-configuration-schema.ts';
import { clusterTaintPolicySchema } from './policy/v1alpha1/cluster-taint-policy-schema.ts';
import { overridePolicySchema } from './policy/v1alpha1/override-policy-schema.ts';
import { propagationPolicySchema } from './policy/v1alpha1/propagation-policy-schema.ts';
import * as types from './resource-types.ts';
import { resourceBindingV1Alpha1Schema } from './work/v1alpha1/resource-binding-schema.ts';
import { workSchema } from './work/v1alpha1/work-schema.ts';
import { resourceBindingSchema } from './work/v1alpha2/resource-binding-schema.ts';

/** The definitions that a control plane installs, each acted on by a controller. */
export function karmadaCustomResourceDefinitions(): Unstructured[] {
  return [
    customResourceDefinition({
      type: types.propagationPolicies,
      shortName: 'pp',
      schema: propagationPolicySchema,
      columns: policyColumns,
      subresources: {},
    }),
    customResourceDefinition({
      type: types.clusterPropagationPolicies,
      shortName: 'cpp',
      schema: propagationPolicySchema,
      columns: policyColumns,
      subresources: {},
    }),
    customResourceDefinition({
      type: types.resourceBindings,
      shortName: 'rb',
      schema: resourceBindingSchema,
      columns: bindingColumns,
      subresources: { status: {} },
      older: [{ version: 'v1alpha1', schema: resourceBindingV1Alpha1Schema }],
    }),
    customResourceDefinition({
      type: types.clusterResourceBindings,
      shortName: 'crb',
      schema: resourceBindingSchema,
      columns: bindingColumns,
      subresources: { status: {} },
      older: [{ version: 'v1alpha1', schema: resourceBindingV1Alpha1Schema }],
    }),
    customResourceDefinition({
      type: types.works,
      shortName: 'wk',
      schema: workSchema,
      columns: [
        column('WORKLOAD-KIND', 'string', '.spec.workload.manifests[*].kind'),
        column('APPLIED', 'string', '.status.conditions[?(@.type=="Applied")].status'),
        age,
      ],
      subresources: { status: {} },
    }),
    customResourceDefinition({ type: types.overridePolicies, shortName: 'op', schema: overridePolicySchema }),
    customResourceDefinition({ type: types.clusterOverridePolicies, shortName: 'cop', schema: overridePolicySchema }),
    customResourceDefinition({ type: types.clusterTaintPolicies, categories: [], schema: clusterTaintPolicySchema }),
    customResourceDefinition({
      type: types.resourceInterpreterCustomizations,
      shortName: 'ric',
      schema: resourceInterpreterCustomizationSchema,
      columns: [
        column('TARGET-API-VERSION', 'string', '.spec.target.apiVersion'),
        column('TARGET-KIND', 'string', '.spec.target.kind'),
        age,
      ],
      subresources: {},
    }),
    customResourceDefinition({
      type: types.resourceInterpreterWebhookConfigurations,
      schema: resourceInterpreterWebhookConfigurationSchema,
    }),
  ];
}

interface Column {
  name: string;
  type: 'string' | 'date';
  jsonPath: string;
}

interface Definition {
  type: ResourceType;
  shortName?: string;
  /** Default: karmada-io. */
  categories?: readonly string[];
  schema: Schema;
  columns?: readonly Column[];
  subresources?: { status?: object };
  /** Versions that are served and not stored, with the same subresources; a webhook converts them. */
  older?: readonly { version: string; schema: Schema }[];
}

/** Where upstream's API server finds karmada-webhook. Ours converts by itself. */
const conversion = {
  strategy: 'Webhook',
  webhook: {
    clientConfig: { url: 'https://karmada-webhook.karmada-system.svc:443/convert' },
    conversionReviewVersions: ['v1'],
  },
};

const column = (name: string, type: Column['type'], jsonPath: string): Column => ({ name, type, jsonPath });
const age = column('AGE', 'date', '.metadata.creationTimestamp');
const policyColumns = [
  column('CONFLICT-RESOLUTION', 'string', '.spec.conflictResolution'),
  column('PRIORITY', 'string', '.spec.priority'),
  age,
];
const bindingColumns = [
  column('SCHEDULED', 'string', '.status.conditions[?(@.type=="Scheduled")].status'),
  column('FULLYAPPLIED', 'string', '.status.conditions[?(@.type=="FullyApplied")].status'),
  age,
];

function customResourceDefinition({
  type,
  shortName,
  categories = ['karmada-io'],
  schema,
  columns,
  subresources,
  older = [],
}: Definition): Unstructured {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: groupResource(type) },
    spec: {
      ...(older.length === 0 ? {} : { conversion: structuredClone(conversion) }),
      group: type.group,
      names: {
        ...(categories.length === 0 ? {} : { categories: [...categories] }),
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.resource,
        ...(shortName === undefined ? {} : { shortNames: [shortName] }),
        singular: type.kind.toLowerCase(),
      },
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        ...older.map(({ version, schema: olderSchema }) => ({
          name: version,
          schema: { openAPIV3Schema: structuredClone(olderSchema) },
          served: true,
          storage: false,
          ...(subresources === undefined ? {} : { subresources: structuredClone(subresources) }),
        })),
        {
          ...(columns === undefined ? {} : { additionalPrinterColumns: structuredClone(columns) }),
          name: type.version,
          schema: { openAPIV3Schema: structuredClone(schema) },
          served: true,
          storage: true,
          ...(subresources === undefined ? {} : { subresources }),
        },
      ],
    },
  };
}
