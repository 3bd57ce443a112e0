/** ValidatingAdmissionPolicies, their bindings: defaults, rules, columns. Acting on them is the API server's work. */
import { compile, type Program } from '../../apimachinery/cel/compile.ts';
import { withoutMessages } from '../../apimachinery/cel/message-literals.ts';
import { CompileError } from '../../apimachinery/cel/node.ts';
import { type CelType, dyn } from '../../apimachinery/cel/types.ts';
import { labelSelectorErrors } from '../../apimachinery/label-selector.ts';
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkOneOf } from '../validation.ts';
import type { AdmissionPolicy, MatchResources, ParamRef, PolicyBinding, PolicySpec } from './policy-types.ts';
import { checkMatchConditions, checkRule, expressionErrors, matchConditionVariables } from './webhook-configuration.ts';

type Variables = { readonly [name: string]: CelType };

const policyColumns = columnsOf<AdmissionPolicy>();
const bindingColumns = columnsOf<PolicyBinding>();
const unset = '<unset>';

const paramKindText = ({ spec: { paramKind } }: DeepReadonly<AdmissionPolicy>): string =>
  paramKind === undefined ? unset : `${paramKind.apiVersion}/${paramKind.kind}`;

export const validatingAdmissionPolicy: KindBehaviour = {
  default: (object) => fillPolicy(specOf<AdmissionPolicy>(object)),
  validate: (object) => checkPolicy((object as unknown as DeepReadonly<AdmissionPolicy>).spec),
  columns: [
    nameColumn,
    policyColumns.column('Validations', ({ spec }) => spec.validations?.length ?? 0, 'integer'),
    policyColumns.column('ParamKind', paramKindText),
    ageColumn,
  ],
};

export const mutatingAdmissionPolicy: KindBehaviour = {
  default: (object) => fillPolicy(specOf<AdmissionPolicy>(object)),
  validate: (object) => checkMutatingPolicy((object as unknown as DeepReadonly<AdmissionPolicy>).spec),
  columns: [
    nameColumn,
    policyColumns.column('Mutations', ({ spec }) => spec.mutations?.length ?? 0, 'integer'),
    policyColumns.column('ParamKind', paramKindText),
    ageColumn,
  ],
};

export const mutatingAdmissionPolicyBinding: KindBehaviour = {
  default: (object) => fillBinding(specOf<PolicyBinding>(object)),
  validate: (object) => checkBinding((object as unknown as DeepReadonly<PolicyBinding>).spec),
  columns: bindingColumnList(),
};

export const validatingAdmissionPolicyBinding: KindBehaviour = {
  default: (object) => fillBinding(specOf<PolicyBinding>(object)),
  validate(object) {
    const { spec } = object as unknown as DeepReadonly<PolicyBinding>;
    return [...checkBinding(spec), ...checkActions(spec.validationActions ?? [])];
  },
  columns: bindingColumnList(),
};

function bindingColumnList(): NonNullable<KindBehaviour['columns']> {
  return [
    nameColumn,
    bindingColumns.column('PolicyName', ({ spec }) => spec.policyName ?? ''),
    bindingColumns.column('ParamRef', ({ spec: { paramRef } }) => paramRefText(paramRef)),
    ageColumn,
  ];
}

/** The spec is no pointer: it is there, if empty, where nothing was said. */
function specOf<T extends { spec: object }>(object: Unstructured): T['spec'] {
  object['spec'] ??= {};
  return object['spec'] as T['spec'];
}

function paramRefText(paramRef: DeepReadonly<ParamRef> | undefined): string {
  if (paramRef === undefined) return unset;
  const { namespace, name = '*' } = paramRef;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

function fillMatch(match: MatchResources | undefined): void {
  if (match === undefined) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

function fillPolicy(spec: PolicySpec): void {
  spec.failurePolicy ??= 'Fail';
  fillMatch(spec.matchConstraints);
}

function fillBinding(spec: PolicyBinding['spec']): void {
  fillMatch(spec.matchResources);
}

/** What the expressions of a policy may use, `variables.` apart. */
export const policyVariables = (spec: DeepReadonly<PolicySpec>): Variables => ({
  ...matchConditionVariables,
  namespaceObject: dyn,
  ...(spec.paramKind === undefined ? {} : { params: dyn }),
});

/** Policies that mutate may make objects: `Object{…}`. */
export const compilePolicyExpression = (spec: DeepReadonly<PolicySpec>, text: string, variables: Variables): Program =>
  compile(spec.mutations === undefined ? text : withoutMessages(text), variables);

/** The variables of the policy, too, each with the type that its expression gives. What does not compile is left out. */
export function composedVariables(spec: DeepReadonly<PolicySpec>, base: Variables = policyVariables(spec)): Variables {
  const variables: Record<string, CelType> = { ...base };
  for (const { name, expression } of spec.variables ?? []) {
    try {
      variables[`variables.${name}`] = compilePolicyExpression(spec, expression, variables).type;
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
    }
  }
  return variables;
}

function checkPolicy(spec: DeepReadonly<PolicySpec>): FieldError[] {
  const { validations = [], auditAnnotations = [], matchConstraints } = spec;
  const errors = checkCommon(spec);
  if (validations.length === 0 && auditAnnotations.length === 0)
    errors.push(
      fieldError.required('spec.validations', 'validations or auditAnnotations must be non-empty'),
      fieldError.required('spec.auditAnnotations', 'validations or auditAnnotations must be non-empty'),
    );
  if (matchConstraints === undefined) errors.push(fieldError.required('spec.matchConstraints'));
  const variables = composedVariables(spec);
  for (const [i, { expression, messageExpression, message, reason }] of validations.entries()) {
    const at = `spec.validations[${i}]`;
    if (!expression?.trim()) errors.push(fieldError.required(`${at}.expression`, 'expression is not specified'));
    else errors.push(...expressionErrors(expression, `${at}.expression`, variables));
    if (message?.includes('\n'))
      errors.push(fieldError.invalid(`${at}.message`, message, 'message must not contain line breaks'));
    if (messageExpression?.trim())
      errors.push(
        ...expressionErrors(messageExpression, `${at}.messageExpression`, withoutAuthorizer(variables), ['string']),
      );
    errors.push(
      ...checkOneOf(reason, ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'], `${at}.reason`),
    );
  }
  const keys = new Set<string>();
  for (const [i, { key, valueExpression }] of auditAnnotations.entries()) {
    const at = `spec.auditAnnotations[${i}]`;
    if (!key) errors.push(fieldError.required(`${at}.key`));
    else if (keys.has(key)) errors.push(fieldError.duplicate(`${at}.key`, key));
    else errors.push(...qualifiedNameErrors(`policy/${key}`).map((text) => fieldError.invalid(`${at}.key`, key, text)));
    keys.add(key);
    if (!valueExpression?.trim()) errors.push(fieldError.required(`${at}.valueExpression`));
    else errors.push(...expressionErrors(valueExpression, `${at}.valueExpression`, variables, ['string', 'null']));
  }
  return errors;
}

function checkMutatingPolicy(spec: DeepReadonly<PolicySpec>): FieldError[] {
  const { mutations = [], matchConstraints } = spec;
  const errors = checkCommon({ ...spec, mutations });
  if (matchConstraints === undefined) errors.push(fieldError.required('spec.matchConstraints'));
  if (mutations.length === 0)
    errors.push(fieldError.required('spec.mutations', 'mutations must contain at least one item'));
  errors.push(...checkOneOf(spec.reinvocationPolicy, ['IfNeeded', 'Never'], 'spec.reinvocationPolicy', true));
  const whole = { ...spec, mutations };
  const variables = composedVariables(whole);
  const compileOne = (text: string, types: Variables): Program => compilePolicyExpression(whole, text, types);
  for (const [i, { patchType, applyConfiguration, jsonPatch }] of mutations.entries()) {
    const at = `spec.mutations[${i}]`;
    errors.push(...checkOneOf(patchType, ['ApplyConfiguration', 'JSONPatch'], `${at}.patchType`, true));
    const applies = patchType === 'ApplyConfiguration';
    const field = applies ? `${at}.applyConfiguration` : `${at}.jsonPatch`;
    const [wanted, other] = applies ? [applyConfiguration, jsonPatch] : [jsonPatch, applyConfiguration];
    if (other !== undefined)
      errors.push(
        fieldError.forbidden(
          applies ? `${at}.jsonPatch` : `${at}.applyConfiguration`,
          `may not be set with patchType ${patchType}`,
        ),
      );
    if (!wanted?.expression?.trim()) errors.push(fieldError.required(`${field}.expression`));
    else
      errors.push(
        ...expressionErrors(
          wanted.expression,
          `${field}.expression`,
          variables,
          [applies ? 'map' : 'list'],
          compileOne,
        ),
      );
  }
  return errors;
}

/** The message is for everybody: it does not tell what somebody may do. */
function withoutAuthorizer(variables: Variables): Variables {
  const { authorizer: _authorizer, 'authorizer.requestResource': _resource, ...rest } = variables;
  return rest;
}

function checkCommon(spec: DeepReadonly<PolicySpec>): FieldError[] {
  const { paramKind, matchConstraints, matchConditions = [], variables = [] } = spec;
  const errors = checkOneOf(spec.failurePolicy, ['Fail', 'Ignore'], 'spec.failurePolicy');
  if (paramKind !== undefined) {
    if (!paramKind.apiVersion) errors.push(fieldError.required('spec.paramKind.apiVersion'));
    if (!paramKind.kind) errors.push(fieldError.required('spec.paramKind.kind'));
  }
  if (matchConstraints !== undefined) {
    errors.push(...checkMatch(matchConstraints, 'spec.matchConstraints'));
    if ((matchConstraints.resourceRules ?? []).length === 0)
      errors.push(fieldError.required('spec.matchConstraints.resourceRules'));
  }
  errors.push(...checkMatchConditions(matchConditions, 'spec.matchConditions', policyVariables(spec)));
  const compileOne = (text: string, types: Variables): Program => compilePolicyExpression(spec, text, types);
  const known: Record<string, CelType> = { ...policyVariables(spec) };
  for (const [i, { name, expression }] of variables.entries()) {
    const at = `spec.variables[${i}]`;
    if (!name) errors.push(fieldError.required(`${at}.name`, 'name is not specified'));
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      errors.push(fieldError.invalid(`${at}.name`, name, 'name is not a valid CEL identifier'));
    else if (`variables.${name}` in known) errors.push(fieldError.duplicate(`${at}.name`, name));
    if (!expression?.trim()) errors.push(fieldError.required(`${at}.expression`, 'expression is not specified'));
    else {
      const found = expressionErrors(expression, `${at}.expression`, known, anyKind, compileOne);
      errors.push(...found);
      known[`variables.${name}`] = found.length === 0 ? compileOne(expression, known).type : dyn;
    }
  }
  return errors;
}

const anyKind = [
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'object',
  'null',
  'optional',
  'opaque',
  'type',
  'timestamp',
  'duration',
];

function checkMatch(match: DeepReadonly<MatchResources>, path: string): FieldError[] {
  const rules = (
    list: MatchResources['resourceRules'] | DeepReadonly<MatchResources['resourceRules']>,
    field: string,
  ) => (list ?? []).flatMap((rule, i) => checkRule(rule, `${path}.${field}[${i}]`));
  return [
    ...checkOneOf(match.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`),
    ...labelSelectorErrors(match.namespaceSelector ?? {}, `${path}.namespaceSelector`),
    ...labelSelectorErrors(match.objectSelector ?? {}, `${path}.objectSelector`),
    ...rules(match.resourceRules, 'resourceRules'),
    ...rules(match.excludeResourceRules, 'excludeResourceRules'),
  ];
}

function checkBinding({ policyName, paramRef, matchResources }: DeepReadonly<PolicyBinding['spec']>): FieldError[] {
  const errors: FieldError[] = [];
  if (!policyName) errors.push(fieldError.required('spec.policyName'));
  if (paramRef !== undefined) {
    const { name, selector } = paramRef;
    if (name && selector !== undefined)
      errors.push(fieldError.forbidden('spec.paramRef.name', 'name and selector are mutually exclusive'));
    if (!name && selector === undefined)
      errors.push(fieldError.required('spec.paramRef', 'one of name or selector must be specified'));
    errors.push(
      ...checkOneOf(paramRef.parameterNotFoundAction, ['Allow', 'Deny'], 'spec.paramRef.parameterNotFoundAction', true),
    );
  }
  if (matchResources !== undefined) errors.push(...checkMatch(matchResources, 'spec.matchResources'));
  return errors;
}

function checkActions(actions: readonly string[]): FieldError[] {
  const path = 'spec.validationActions';
  const errors: FieldError[] = [];
  if (actions.length === 0) errors.push(fieldError.required(path, 'at least one validation action is required'));
  for (const [i, action] of actions.entries()) {
    errors.push(...checkOneOf(action, ['Audit', 'Deny', 'Warn'], `${path}[${i}]`));
    if (actions.indexOf(action) < i) errors.push(fieldError.duplicate(`${path}[${i}]`, action));
  }
  if (actions.includes('Deny') && actions.includes('Warn'))
    errors.push(
      fieldError.invalid(
        path,
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return errors;
}
