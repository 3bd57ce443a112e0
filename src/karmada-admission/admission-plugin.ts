/** Karmada's admission inside our API server: what `karmada-webhook` does for somebody else's, without a round trip. */
import { randomUUID } from 'node:crypto';
import type { DeepReadonly, KubeObject, Unstructured } from '../apimachinery/object.ts';
import type { Schema } from '../apimachinery/schema/structural.ts';
import { findTypeError } from '../apimachinery/schema/type-check.ts';
import type { ResourceInterpreterCustomization } from '../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { resourceInterpreterCustomizationSchema } from '../apis/config/v1alpha1/resource-interpreter-customization-schema.ts';
import type { ClusterOverridePolicy, OverridePolicy } from '../apis/policy/v1alpha1/override-policy.ts';
import { overridePolicySchema } from '../apis/policy/v1alpha1/override-policy-schema.ts';
import type { ClusterPropagationPolicy, PropagationPolicy } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { propagationPolicySchema } from '../apis/policy/v1alpha1/propagation-policy-schema.ts';
import { configGroup, policyGroup, workGroup } from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import { workSchema } from '../apis/work/v1alpha1/work-schema.ts';
import type { ClusterResourceBinding, ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { resourceBindingSchema } from '../apis/work/v1alpha2/resource-binding-schema.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../apiserver/admission/plugin.ts';
import { deletionProtection } from './deletion-protection.ts';
import { denied } from './denial.ts';
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
import { mutateWork } from './work.ts';

export interface KarmadaAdmissionOptions {
  /** What customizations of the interpreter are checked against. */
  customizations: CustomizationContext;
  /** Makes permanent ids; tests give their own. */
  newId?: () => string;
}

const groups = [configGroup, policyGroup, workGroup];

/** The plugin for a Karmada control plane. */
export function createKarmadaAdmissionPlugin(options: KarmadaAdmissionOptions): AdmissionPlugin {
  const rules = kindRules(options.newId ?? randomUUID, options.customizations);
  const rulesOf = (request: AdmissionRequest): KindRules | undefined =>
    groups.includes(request.type.group) ? rules[request.type.kind] : undefined;
  return {
    name: 'Karmada',
    handles: (request) =>
      request.subresource === '' && (request.operation === 'DELETE' || rulesOf(request) !== undefined),
    admit(request) {
      if (request.operation === 'DELETE' || request.object === undefined) return;
      const kind = rulesOf(request);
      // Values of a wrong type are left to the schema, which refuses them with their paths.
      if (kind?.mutate === undefined || findTypeError(request.object, kind.schema) !== undefined) return;
      kind.mutate(request.object, request);
    },
    async validate(request) {
      if (request.operation === 'DELETE') {
        const why = request.oldObject === undefined ? undefined : deletionProtection(request.oldObject);
        if (why !== undefined) throw denied('resourcedeletionprotection.karmada.io', [why]);
        return;
      }
      const kind = rulesOf(request);
      if (kind === undefined || request.object === undefined) return;
      const findings = (await kind.validate?.(request.object, request.oldObject)) ?? [];
      if (findings.length > 0) throw denied(kind.webhook, findings);
    },
  };
}

interface KindRules {
  webhook: string;
  schema: Schema;
  mutate?(object: Unstructured, request: AdmissionRequest): void;
  validate?(
    object: DeepReadonly<Unstructured>,
    old: DeepReadonly<Unstructured> | undefined,
  ): string[] | Promise<string[]>;
}

/** The schema has been checked by the time `validate` runs; `mutate` sees pruned and defaulted objects that may lack fields. */
function kindRules(newId: () => string, customizations: CustomizationContext): { readonly [kind: string]: KindRules } {
  const onCreate = (request: AdmissionRequest): (() => string) | undefined =>
    request.operation === 'CREATE' ? newId : undefined;
  return {
    PropagationPolicy: {
      webhook: 'propagationpolicy.karmada.io',
      schema: propagationPolicySchema,
      mutate: (object, request) => {
        if (hasSpec(object))
          mutatePropagationPolicy(as<PropagationPolicy>(object), request.namespace, onCreate(request));
      },
      validate: (object, old) =>
        validatePropagationPolicy(read<PropagationPolicy>(object), readOld<PropagationPolicy>(old)),
    },
    ClusterPropagationPolicy: {
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
    OverridePolicy: {
      webhook: 'overridepolicy.karmada.io',
      schema: overridePolicySchema,
      mutate: (object, request) => {
        if (hasSpec(object)) mutateOverridePolicy(as<OverridePolicy>(object), request.namespace);
      },
      validate: (object) => validateOverridePolicy(read<OverridePolicy>(object)),
    },
    ClusterOverridePolicy: {
      webhook: 'clusteroverridepolicy.karmada.io',
      schema: overridePolicySchema,
      validate: (object) => validateClusterOverridePolicy(read<ClusterOverridePolicy>(object)),
    },
    ResourceBinding: {
      webhook: 'resourcebinding.karmada.io',
      schema: resourceBindingSchema,
      mutate: (object, request) => {
        if (request.operation === 'CREATE') mutateResourceBinding(as<ResourceBinding>(object), newId);
      },
      validate: (object) => validateResourceBinding(read<ResourceBinding>(object)),
    },
    ClusterResourceBinding: {
      webhook: 'clusterresourcebinding.karmada.io',
      schema: resourceBindingSchema,
      mutate: (object, request) => {
        if (request.operation === 'CREATE') mutateClusterResourceBinding(as<ClusterResourceBinding>(object), newId);
      },
    },
    ResourceInterpreterCustomization: {
      webhook: 'resourceinterpretercustomization.karmada.io',
      schema: resourceInterpreterCustomizationSchema,
      validate: (object) =>
        validateResourceInterpreterCustomization(read<ResourceInterpreterCustomization>(object), customizations),
    },
    Work: {
      webhook: 'work.karmada.io',
      schema: workSchema,
      mutate: (object) => {
        if (hasSpec(object)) mutateWork(as<Work>(object), newId);
      },
    },
  };
}

const hasSpec = (object: Unstructured): boolean =>
  typeof object['spec'] === 'object' && object['spec'] !== null && !Array.isArray(object['spec']);
const as = <T extends KubeObject>(object: Unstructured): T => object as unknown as T;
const read = <T extends KubeObject>(object: DeepReadonly<Unstructured>): DeepReadonly<T> =>
  object as unknown as DeepReadonly<T>;
const readOld = <T extends KubeObject>(object: DeepReadonly<Unstructured> | undefined): DeepReadonly<T> | undefined =>
  object as unknown as DeepReadonly<T> | undefined;
