/** Static types of admissionregistration.k8s.io/v1 admission policies and their bindings. */
import type { LabelSelector } from '../../apimachinery/label-selector.ts';
import type { Condition, KubeObject } from '../../apimachinery/object.ts';
import type { WebhookRule } from './webhook-types.ts';

export interface NamedRule extends WebhookRule {
  resourceNames?: string[];
}

export interface MatchResources {
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
  resourceRules?: NamedRule[];
  excludeResourceRules?: NamedRule[];
  matchPolicy?: string;
}

export interface ParamKind {
  apiVersion?: string;
  kind?: string;
}

export interface NamedExpression {
  name: string;
  expression: string;
}

export interface Validation {
  expression: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
}

/** What both kinds of policy have. */
export interface PolicySpec {
  paramKind?: ParamKind;
  matchConstraints?: MatchResources;
  matchConditions?: NamedExpression[];
  variables?: NamedExpression[];
  failurePolicy?: string;
  /** Of a ValidatingAdmissionPolicy. */
  validations?: Validation[];
  auditAnnotations?: { key: string; valueExpression: string }[];
  /** Of a MutatingAdmissionPolicy. */
  mutations?: Mutation[];
  reinvocationPolicy?: string;
}

export interface Mutation {
  patchType: string;
  applyConfiguration?: { expression?: string };
  jsonPatch?: { expression?: string };
}

export interface AdmissionPolicy extends KubeObject {
  spec: PolicySpec;
  status?: {
    observedGeneration?: number;
    typeChecking?: { expressionWarnings?: { fieldRef: string; warning: string }[] };
    conditions?: Condition[];
  };
}

export interface ParamRef {
  name?: string;
  namespace?: string;
  selector?: LabelSelector;
  parameterNotFoundAction?: string;
}

export interface PolicyBinding extends KubeObject {
  spec: {
    policyName?: string;
    paramRef?: ParamRef;
    matchResources?: MatchResources;
    /** Of a ValidatingAdmissionPolicyBinding. */
    validationActions?: string[];
  };
}
