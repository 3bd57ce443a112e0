/** Whether a webhook is to be called for a request, and in which version of the resource it wants to see it. */
import { type AccessAnswer, type AccessQuestion, authorizerValues } from '../../../apimachinery/cel/authorizer.ts';
import { CelError, CostExceeded, fromJson, type Value } from '../../../apimachinery/cel/values.ts';
import type { ResourceType } from '../../../apimachinery/group-version.ts';
import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { forbidden } from '../../../apimachinery/status-error.ts';
import type { Webhook } from '../../../kubernetes/admissionregistration/webhook-types.ts';
import { namespaces } from '../../../kubernetes/resource-types.ts';
import { withAuthenticatedGroup } from '../../authentication/request-authenticator.ts';
import { serviceAccountUser } from '../../authentication/service-account-authenticator.ts';
import type { Authorizer } from '../../authorization/authorizer.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { type IndexedWebhook, ruleMatches } from './webhook-index.ts';

/** What one condition, and all of one webhook together, may cost. */
const conditionLimit = 1_000_000;
const conditionsLimit = 2_500_000;

/** The version whose rule matched; the request's own is preferred. Undefined when no rule matches. */
export function matchedType(
  { webhook }: { webhook: DeepReadonly<Pick<Webhook, 'rules' | 'matchPolicy'>> },
  { operation, type, subresource }: AdmissionRequest,
  equivalents: (type: ResourceType) => readonly ResourceType[],
): ResourceType | undefined {
  const rules = webhook.rules ?? [];
  if (rules.some((rule) => ruleMatches(rule, operation, type, subresource))) return type;
  if (webhook.matchPolicy === 'Exact') return undefined;
  return equivalents(type).find((other) => rules.some((rule) => ruleMatches(rule, operation, other, subresource)));
}

/** namespaceSelector and objectSelector. */
export async function selectorsMatch(
  { webhook }: { webhook: DeepReadonly<Pick<Webhook, 'namespaceSelector' | 'objectSelector'>> },
  request: AdmissionRequest,
  catalog: ResourceCatalog,
): Promise<boolean> {
  const { namespaceSelector = {}, objectSelector = {} } = webhook;
  const { object, oldObject } = request;
  const selected =
    isEmpty(objectSelector) ||
    [object, oldObject].some((one) => one !== undefined && matchesLabels(objectSelector, one.metadata.labels ?? {}));
  if (!selected) return false;
  if (isEmpty(namespaceSelector)) return true;
  const labels = await namespaceLabels(request, catalog);
  return labels === undefined || matchesLabels(namespaceSelector, labels);
}

const isEmpty = (selector: {
  readonly matchLabels?: object;
  readonly matchExpressions?: readonly unknown[];
}): boolean => Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;

/** Undefined for what is in no namespace: it matches any selector. */
async function namespaceLabels(
  { type, namespace, object, oldObject }: AdmissionRequest,
  catalog: ResourceCatalog,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (type.group === '' && type.resource === namespaces.resource) return (object ?? oldObject)?.metadata.labels ?? {};
  if (!type.namespaced) return undefined;
  const reader = catalog.reader(namespaces);
  const found = reader.cached({ name: namespace }) ?? (await reader.get({ name: namespace }));
  return found?.metadata.labels ?? {};
}

/** All match conditions hold. One that fails lets the request fail, unless the webhook's failures are ignored. */
export function conditionsHold(
  { webhook, conditions }: IndexedWebhook,
  request: AdmissionRequest,
  review: { object: unknown; oldObject: unknown },
  authorizer: Authorizer,
): boolean {
  if (conditions.length === 0) return true;
  const variables: { [name: string]: Value } = {
    object: fromJson(review.object),
    oldObject: fromJson(review.oldObject),
    request: fromJson(review),
    ...authorizerOf(request, authorizer),
  };
  let left = conditionsLimit;
  let failure: string | undefined;
  for (const { name, program } of conditions) {
    if (program === undefined) {
      failure ??= `matchCondition ${name} does not compile`;
      continue;
    }
    const granted = Math.min(conditionLimit, left);
    const budget = { left: granted };
    try {
      const holds = program.evaluate(variables, budget);
      if (holds === false) return false;
      if (holds !== true) failure ??= `matchCondition ${name} does not give a bool`;
    } catch (error) {
      if (!(error instanceof CelError) && !(error instanceof CostExceeded)) throw error;
      failure ??= error.message;
    }
    left -= granted - Math.max(budget.left, 0);
  }
  if (failure === undefined) return true;
  if (webhook.failurePolicy === 'Ignore') return false;
  throw forbidden(request.type, request.name, failure);
}

/** The variable `authorizer` of a request. */
export const authorizerOf = (request: AdmissionRequest, authorizer: Authorizer) =>
  authorizerValues((question) => answer(authorizer, request, question), {
    group: request.type.group,
    resource: request.type.resource,
    subresource: request.subresource,
    namespace: request.namespace,
    name: request.name,
  });

/** Conditions are evaluated in one go: an authorizer that has to ask elsewhere cannot answer them. */
function answer(authorizer: Authorizer, { user }: AdmissionRequest, question: AccessQuestion): AccessAnswer {
  const { serviceAccount: account, ...attributes } = question;
  const asked =
    account === undefined ? user : withAuthenticatedGroup(serviceAccountUser(account.namespace, account.name));
  const decision = authorizer.authorize({ ...attributes, user: asked, version: '*' });
  return decision instanceof Promise
    ? { allowed: false, reason: '', error: 'the authorizer does not answer at once' }
    : decision;
}
