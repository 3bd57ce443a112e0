/** Which rules each of Karmada's kinds has: one table for the plugin inside our API server and for the webhook server. */
import { randomUUID } from 'node:crypto';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeObject, Unstructured } from '../apimachinery/object.ts';
import type { Schema } from '../apimachinery/schema/structural.ts';
import type { ResourceInterpreterCustomization } from '../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { resourceInterpreterCustomizationSchema } from '../apis/config/v1alpha1/resource-interpreter-customization-schema.ts';
import type { ResourceInterpreterWebhookConfiguration } from '../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { resourceInterpreterWebhookConfigurationSchema } from '../apis/config/v1alpha1/resource-interpreter-webhook-configuration-schema.ts';
import type { ClusterTaintPolicy } from '../apis/policy/v1alpha1/cluster-taint-policy.ts';
import { clusterTaintPolicySchema } from '../apis/policy/v1alpha1/cluster-taint-policy-schema.ts';
import type { ClusterOverridePolicy, OverridePolicy } from '../apis/policy/v1alpha1/override-policy.ts';
import { overridePolicySchema } from '../apis/policy/v1alpha1/override-policy-schema.ts';
import type { ClusterPropagationPolicy, PropagationPolicy } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicySchema } from '../apis/policy/v1alpha1/propagation-policy-schema.ts';
import * as types from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import { workSchema } from '../apis/work/v1alpha1/work-schema.ts';
import type { ClusterResourceBinding, ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { resourceBindingSchema } from '../apis/work/v1alpha2/resource-binding-schema.ts';
import { validateClusterTaintPolicy } from './cluster-taint-policy.ts';
import { mutateOverridePolicy, validateClusterOverridePolicy, validateOverridePolicy } from './override-policy.ts';
import {
  mutateClusterPropagationPolicy,
  mutatePropagationPolicy,
  validateClusterPropagationPolicy,
  validatePropagationPolicy,
} from './propagation-policy.ts';
import { mutateClusterResourceBinding, mutateResourceBinding, validateResourceBinding } from './resource-binding.ts';
import {
  type CustomizationContext,
  validateResourceInterpreterCustomization,
} from './resource-interpreter-customization.ts';
import { validateResourceInterpreterWebhookConfiguration } from './resource-interpreter-webhook-configuration.ts';
import { mutateWork } from './work.ts';

/** The rules of one kind. Objects of a version other than `type.version` are converted to it before. */
export interface KindRules {
  type: ResourceType;
  /** Names the rules in refusals and in the configurations: upstream's name of the webhook. */
  webhook: string;
  schema: Schema;
  /** What the configuration of the validating webhook has beside the usual. */
  webhookFields?: { sideEffects?: string; timeoutSeconds?: number };
  /** The operations that `mutate` is asked about; absent: both. */
  mutateOn?: readonly WriteOperation[];
  /** Sees pruned and defaulted objects that may lack fields. Throws BadRequest for what it cannot read. */
  mutate?(object: Unstructured, request: WriteRequest): void;
  /** What is wrong, in the words of the refusal. The schema has been checked by then. */
  validate?(
    object: DeepReadonly<Unstructured>,
    old: DeepReadonly<Unstructured> | undefined,
  ): string[] | Promise<string[]>;
}

export type WriteOperation = 'CREATE' | 'UPDATE';

export interface WriteRequest {
  operation: WriteOperation;
  namespace: string;
}

export interface KindRulesOptions {
  /** What customizations of the interpreter are checked against. */
  customizations: CustomizationContext;
  /** As of --allow-no-execute-taint-policy. Default false. */
  allowNoExecuteTaintPolicy?: boolean | undefined;
  /** Makes permanent ids; tests give their own. */
  newId?: (() => string) | undefined;
}

/** A row a kind. */
export function karmadaKindRules(options: KindRulesOptions): readonly KindRules[] {
  const { customizations, allowNoExecuteTaintPolicy = false, newId = randomUUID } = options;
  const onCreate = (request: WriteRequest): (() => string) | undefined =>
    request.operation === 'CREATE' ? newId : undefined;
  return [
    {
      type: types.propagationPolicies,
      webhook: 'propagationpolicy.karmada.io',
      schema: propagationPolicySchema,
      mutate: (object, request) => {
        if (hasSpec(object))
          mutatePropagationPolicy(as<PropagationPolicy>(object), request.namespace, onCreate(request));
      },
      validate: (object, old) =>
        validatePropagationPolicy(read<PropagationPolicy>(object), readOld<PropagationPolicy>(old)),
    },
    {
      type: types.clusterPropagationPolicies,
      webhook: 'clusterpropagationpolicy.karmada.io',
      schema: propagationPolicySchema,
      mutate: (object, request) => {
        if (hasSpec(object)) mutateClusterPropagationPolicy(as<ClusterPropagationPolicy>(object), onCreate(request));
      },
      validate: (object, old) =>
        validateClusterPropagationPolicy(
          read<ClusterPropagationPolicy>(object),
          readOld<ClusterPropagationPolicy>(old),
        ),
    },
    {
      type: types.overridePolicies,
      webhook: 'overridepolicy.karmada.io',
      schema: overridePolicySchema,
      mutate: (object, request) => {
        if (hasSpec(object)) mutateOverridePolicy(as<OverridePolicy>(object), request.namespace);
      },
      validate: (object) => validateOverridePolicy(read<OverridePolicy>(object)),
    },
    {
      type: types.clusterOverridePolicies,
      webhook: 'clusteroverridepolicy.karmada.io',
      schema: overridePolicySchema,
      validate: (object) => validateClusterOverridePolicy(read<ClusterOverridePolicy>(object)),
    },
    {
      type: types.clusterTaintPolicies,
      webhook: 'clustertaintpolicy.karmada.io',
      schema: clusterTaintPolicySchema,
      validate: (object) => validateClusterTaintPolicy(read<ClusterTaintPolicy>(object), allowNoExecuteTaintPolicy),
    },
    {
      type: types.resourceBindings,
      webhook: 'resourcebinding.karmada.io',
      schema: resourceBindingSchema,
      webhookFields: { sideEffects: 'NoneOnDryRun' },
      mutateOn: ['CREATE'],
      mutate: (object) => mutateResourceBinding(as<ResourceBinding>(object), newId),
      validate: (object) => validateResourceBinding(read<ResourceBinding>(object)),
    },
    {
      type: types.clusterResourceBindings,
      webhook: 'clusterresourcebinding.karmada.io',
      schema: resourceBindingSchema,
      mutateOn: ['CREATE'],
      mutate: (object) => mutateClusterResourceBinding(as<ClusterResourceBinding>(object), newId),
    },
    {
      type: types.resourceInterpreterCustomizations,
      webhook: 'resourceinterpretercustomization.karmada.io',
      schema: resourceInterpreterCustomizationSchema,
      webhookFields: { timeoutSeconds: 10 },
      validate: (object) =>
        validateResourceInterpreterCustomization(read<ResourceInterpreterCustomization>(object), customizations),
    },
    {
      type: types.resourceInterpreterWebhookConfigurations,
      webhook: 'config.karmada.io',
      schema: resourceInterpreterWebhookConfigurationSchema,
      validate: (object) =>
        validateResourceInterpreterWebhookConfiguration(read<ResourceInterpreterWebhookConfiguration>(object)),
    },
    {
      type: types.works,
      webhook: 'work.karmada.io',
      schema: workSchema,
      mutate: (object) => {
        if (hasSpec(object)) mutateWork(as<Work>(object), newId);
      },
    },
  ];
}

/** The refusal's name for protected objects of any kind. */
export const deletionProtectionWebhook = 'resourcedeletionprotection.karmada.io';

const hasSpec = (object: Unstructured): boolean =>
  typeof object['spec'] === 'object' && object['spec'] !== null && !Array.isArray(object['spec']);
const as = <T extends KubeObject>(object: Unstructured): T => object as unknown as T;
const read = <T extends KubeObject>(object: DeepReadonly<Unstructured>): DeepReadonly<T> =>
  object as unknown as DeepReadonly<T>;
const readOld = <T extends KubeObject>(object: DeepReadonly<Unstructured> | undefined): DeepReadonly<T> | undefined =>
  object as unknown as DeepReadonly<T> | undefined;
