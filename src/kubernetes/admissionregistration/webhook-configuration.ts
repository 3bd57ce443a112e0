/** Mutating- and ValidatingWebhookConfigurations: defaults, rules, columns. Calling the webhooks is the API server's work. */
import { authorizerTypes } from '../../apimachinery/cel/authorizer.ts';
import { compile, compileErrorText } from '../../apimachinery/cel/compile.ts';
import { CompileError } from '../../apimachinery/cel/node.ts';
import { type CelType, dyn } from '../../apimachinery/cel/types.ts';
import { labelSelectorErrors } from '../../apimachinery/label-selector.ts';
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkDnsSubdomain, checkOneOf, checkPort } from '../validation.ts';
import type { Webhook, WebhookClientConfig, WebhookConfiguration, WebhookRule } from './webhook-types.ts';

const { column } = columnsOf<WebhookConfiguration>();
const columns = [nameColumn, column('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, 'integer'), ageColumn];

export const mutatingWebhookConfiguration: KindBehaviour = {
  default: (object) => fillDefaults(object as unknown as WebhookConfiguration, true),
  validate: (object) => check(object as unknown as DeepReadonly<WebhookConfiguration>, true),
  columns,
};

export const validatingWebhookConfiguration: KindBehaviour = {
  default: (object) => fillDefaults(object as unknown as WebhookConfiguration, false),
  validate: (object) => check(object as unknown as DeepReadonly<WebhookConfiguration>, false),
  columns,
};

/** What the expressions of match conditions may use. */
export const matchConditionVariables: { readonly [name: string]: CelType } = {
  object: dyn,
  oldObject: dyn,
  request: dyn,
  ...authorizerTypes,
};

/** Review versions that are spoken here. */
export const reviewVersions: readonly string[] = ['v1'];

const maxMatchConditions = 64;
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

function fillDefaults({ webhooks }: WebhookConfiguration, mutating: boolean): void {
  for (const webhook of webhooks ?? []) {
    webhook.failurePolicy ??= 'Fail';
    webhook.matchPolicy ??= 'Equivalent';
    webhook.namespaceSelector ??= {};
    webhook.objectSelector ??= {};
    webhook.timeoutSeconds ??= 10;
    if (mutating) webhook.reinvocationPolicy ??= 'Never';
    for (const rule of webhook.rules ?? []) rule.scope ??= '*';
    const service = webhook.clientConfig?.service;
    if (service !== undefined) service.port ??= 443;
  }
}

function check({ webhooks = [] }: DeepReadonly<WebhookConfiguration>, mutating: boolean): FieldError[] {
  const seen = new Set<string>();
  return webhooks.flatMap((webhook, i) => {
    const path = `webhooks[${i}]`;
    const errors = checkWebhook(webhook, path, mutating);
    if (seen.has(webhook.name)) errors.push(fieldError.duplicate(`${path}.name`, webhook.name));
    seen.add(webhook.name);
    return errors;
  });
}

function checkWebhook(webhook: DeepReadonly<Webhook>, path: string, mutating: boolean): FieldError[] {
  const errors = checkDnsSubdomain(webhook.name, `${path}.name`);
  if (errors.length === 0 && webhook.name.split('.').length < 3)
    errors.push(
      fieldError.invalid(
        `${path}.name`,
        webhook.name,
        'should be a domain with at least three segments separated by dots',
      ),
    );
  const { timeoutSeconds } = webhook;
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30))
    errors.push(
      fieldError.invalid(
        `${path}.timeoutSeconds`,
        timeoutSeconds,
        'the timeout value must be between 1 and 30 seconds',
      ),
    );
  errors.push(
    ...checkVersions(webhook.admissionReviewVersions, `${path}.admissionReviewVersions`),
    ...(webhook.rules ?? []).flatMap((rule, i) => checkRule(rule, `${path}.rules[${i}]`)),
    ...checkOneOf(webhook.failurePolicy, ['Fail', 'Ignore'], `${path}.failurePolicy`),
    ...checkOneOf(webhook.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`),
    ...checkOneOf(webhook.sideEffects, ['None', 'NoneOnDryRun'], `${path}.sideEffects`, true),
    ...(mutating ? checkOneOf(webhook.reinvocationPolicy, ['IfNeeded', 'Never'], `${path}.reinvocationPolicy`) : []),
    ...labelSelectorErrors(webhook.namespaceSelector ?? {}, `${path}.namespaceSelector`),
    ...labelSelectorErrors(webhook.objectSelector ?? {}, `${path}.objectSelector`),
    ...checkClientConfig(webhook.clientConfig, `${path}.clientConfig`),
    ...checkMatchConditions(webhook.matchConditions ?? [], `${path}.matchConditions`),
  );
  return errors;
}

function checkVersions(versions: readonly string[] | undefined, path: string): FieldError[] {
  if (versions === undefined || versions.length === 0)
    return [fieldError.required(path, `must specify one of ${reviewVersions.join(', ')}`)];
  const errors: FieldError[] = [];
  for (const [i, version] of versions.entries())
    if (versions.indexOf(version) < i) errors.push(fieldError.invalid(`${path}[${i}]`, version, 'duplicate version'));
  if (!versions.some((version) => reviewVersions.includes(version)))
    errors.push(fieldError.invalid(path, versions, `must include at least one of ${reviewVersions.join(', ')}`));
  return errors;
}

export function checkRule(rule: DeepReadonly<WebhookRule>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const list = (values: readonly string[] | undefined, field: string, emptyAllowed = false): void => {
    if (values === undefined || values.length === 0) errors.push(fieldError.required(field));
    else if (values.length > 1 && values.includes('*'))
      errors.push(fieldError.invalid(field, values, "if '*' is present, must not specify other values"));
    else if (!emptyAllowed)
      for (const [i, value] of values.entries()) if (value === '') errors.push(fieldError.required(`${field}[${i}]`));
  };
  list(rule.operations, `${path}.operations`);
  for (const [i, operation] of (rule.operations ?? []).entries())
    errors.push(...checkOneOf(operation, operations, `${path}.operations[${i}]`));
  list(rule.apiGroups, `${path}.apiGroups`, true);
  list(rule.apiVersions, `${path}.apiVersions`);
  const { resources } = rule;
  if (resources === undefined || resources.length === 0) errors.push(fieldError.required(`${path}.resources`));
  if (resources !== undefined && resources.length > 1 && resources.includes('*/*'))
    errors.push(
      fieldError.invalid(`${path}.resources`, resources, "if '*/*' is present, must not specify other resources"),
    );
  errors.push(...checkOneOf(rule.scope, ['*', 'Cluster', 'Namespaced'], `${path}.scope`));
  return errors;
}

/** Also for CRDs that convert through a webhook. */
export function checkClientConfig(config: DeepReadonly<WebhookClientConfig> | undefined, path: string): FieldError[] {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined))
    return [fieldError.required(path, 'exactly one of url or service is required')];
  if (service !== undefined) {
    const errors: FieldError[] = [];
    if (!service.name) errors.push(fieldError.required(`${path}.service.name`, 'service name is required'));
    if (!service.namespace)
      errors.push(fieldError.required(`${path}.service.namespace`, 'service namespace is required'));
    if (service.path !== undefined && !/^\/([^/]+\/)*[^/]*$/.test(service.path))
      errors.push(
        fieldError.invalid(`${path}.service.path`, service.path, "must start with a '/' and have no empty segments"),
      );
    return [...errors, ...checkPort(service.port ?? 443, `${path}.service.port`)];
  }
  return checkUrl(url ?? '', `${path}.url`);
}

const urlForm = 'desired format: https://host[/path]';

function checkUrl(text: string, path: string): FieldError[] {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    return [fieldError.required(path, `url must be a valid URL: ${(error as Error).message}; ${urlForm}`)];
  }
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:')
    errors.push(
      fieldError.invalid(path, url.protocol.replace(/:$/, ''), `'https' is the only allowed URL scheme; ${urlForm}`),
    );
  if (url.username !== '' || url.password !== '')
    errors.push(fieldError.invalid(path, url.username, 'user information is not permitted in the URL'));
  if (url.hash !== '') errors.push(fieldError.invalid(path, url.hash, 'fragments are not permitted in the URL'));
  if (url.search !== '')
    errors.push(fieldError.invalid(path, url.search, 'query parameters are not permitted in the URL'));
  return errors;
}

export function checkMatchConditions(
  conditions: DeepReadonly<NonNullable<Webhook['matchConditions']>>,
  path: string,
  variables = matchConditionVariables,
): FieldError[] {
  if (conditions.length > maxMatchConditions) return [fieldError.tooMany(path, conditions.length, maxMatchConditions)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, { name, expression }] of conditions.entries()) {
    const at = `${path}[${i}]`;
    if (!name) errors.push(fieldError.required(`${at}.name`));
    else if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    else errors.push(...qualifiedNameErrors(name).map((text) => fieldError.invalid(`${at}.name`, name, text)));
    names.add(name);
    if (!expression?.trim()) errors.push(fieldError.required(`${at}.expression`));
    else errors.push(...expressionErrors(expression, `${at}.expression`, variables));
  }
  return errors;
}

/** `kinds`: what the expression may give. */
export function expressionErrors(
  expression: string,
  path: string,
  variables: { readonly [name: string]: CelType },
  kinds: readonly string[] = ['bool'],
  compileOne = compile,
): FieldError[] {
  try {
    const { type } = compileOne(expression, variables);
    if (kinds.includes(type.kind) || type.kind === 'dyn') return [];
    return [fieldError.invalid(path, expression, `must evaluate to ${kinds[0]}`)];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return [fieldError.invalid(path, expression, compileErrorText(expression, error))];
  }
}
