/** The plugin ValidatingAdmissionPolicy: what the policies say about a request, and what their bindings make of it. */
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import { forbidden, StatusError } from '../../../apimachinery/status-error.ts';
import type { Authorizer } from '../../authorization/authorizer.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { reviewRequest } from '../webhooks/review.ts';
import { viewsOf } from '../webhooks/webhook-admission.ts';
import { createEvaluator, EvaluationError, type Evaluator, namespaceObjectOf } from './evaluation.ts';
import type { Invocation, Misconfigured } from './invocations.ts';
import type { CompiledPolicy } from './policy-index.ts';

const codes: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};
const maxMessageLength = 5 * 1024;
const maxAuditValueLength = 10 * 1024;

/** One thing that is wrong. */
interface Failure {
  message: string;
  reason: string;
  /** Of the validation. */
  index: number | undefined;
}

/** Throws the StatusError of the first denial; warns and annotates for the rest. */
export async function validateByPolicies(
  invocations: readonly (Invocation | Misconfigured)[],
  request: AdmissionRequest,
  catalog: ResourceCatalog,
  authorizer: Authorizer,
): Promise<void> {
  const namespaceObject = await namespaceObjectOf(request, catalog);
  let denial: StatusError | undefined;
  const audited: object[] = [];
  const annotations = new Map<string, string[]>();
  for (const invocation of invocations) {
    const { policy, binding } = invocation;
    const where = `ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}'`;
    const failures =
      'error' in invocation
        ? unlessIgnored(policy, `failed to configure binding: ${invocation.error}`)
        : await judge(invocation, request, namespaceObject, catalog, authorizer, annotations);
    const actions = binding.spec.validationActions ?? [];
    for (const { message, reason, index } of failures) {
      if (actions.includes('Deny')) denial ??= denied(request, `${where} denied request: ${message}`, reason);
      if (actions.includes('Warn')) request.warn(`Validation failed for ${where}: ${message}`);
      if (actions.includes('Audit'))
        audited.push({
          message,
          policy: policy.name,
          binding: binding.name,
          expressionIndex: index === undefined ? '' : String(index),
          validationActions: actions,
        });
    }
  }
  if (audited.length > 0)
    request.annotate?.('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(audited));
  for (const [key, values] of annotations) request.annotate?.(key, values.join(', '));
  if (denial !== undefined) throw denial;
}

const unlessIgnored = (policy: CompiledPolicy, message: string): Failure[] =>
  policy.spec.failurePolicy === 'Ignore' ? [] : [{ message, reason: 'Invalid', index: undefined }];

async function judge(
  { policy, seen, params }: Invocation,
  request: AdmissionRequest,
  namespaceObject: DeepReadonly<Unstructured> | undefined,
  catalog: ResourceCatalog,
  authorizer: Authorizer,
  annotations: Map<string, string[]>,
): Promise<Failure[]> {
  const views = viewsOf(catalog, request, seen);
  const review = reviewRequest(request, seen, {
    object: request.object === undefined ? undefined : await views.show(request.object),
    oldObject: request.oldObject === undefined ? undefined : await views.show(request.oldObject),
  });
  const evaluator = createEvaluator(policy, review, params, namespaceObject, request, authorizer);
  try {
    if (!evaluator.conditionsHold()) return [];
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    return unlessIgnored(policy, error.message);
  }
  const failures = (policy.spec.validations ?? []).flatMap((validation, index): Failure[] => {
    try {
      if (evaluator.evaluate(policy.compile(validation.expression)) === true) return [];
      const message = messageOf(validation, policy, evaluator);
      return [{ message, reason: validation.reason ?? 'Invalid', index }];
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      return unlessIgnored(policy, error.message).map((failure) => ({ ...failure, index }));
    }
  });
  for (const { key, valueExpression } of policy.spec.auditAnnotations ?? []) {
    try {
      const value = evaluator.evaluate(policy.compile(valueExpression));
      if (typeof value !== 'string' || value === '') continue;
      const name = `${policy.name}/${key}`;
      const values = annotations.get(name) ?? [];
      const text = value.slice(0, maxAuditValueLength);
      if (!values.includes(text)) values.push(text);
      annotations.set(name, values);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      failures.push(...unlessIgnored(policy, error.message));
    }
  }
  return failures;
}

/** The expression's message when it gives a fit one, then the fixed one, then the expression that failed. */
function messageOf(
  { expression, message, messageExpression }: { expression: string; message?: string; messageExpression?: string },
  policy: CompiledPolicy,
  evaluator: Evaluator,
): string {
  if (messageExpression?.trim()) {
    try {
      const text = evaluator.evaluate(policy.compile(messageExpression));
      if (typeof text === 'string' && text.trim() !== '' && text.length <= maxMessageLength && !text.includes('\n'))
        return text.trim();
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
    }
  }
  return message?.trim() || `failed expression: ${expression.trim()}`;
}

export function denied(request: AdmissionRequest, message: string, reason: string): StatusError {
  const { status } = forbidden(request.type, request.name, message);
  return new StatusError({
    ...status,
    code: codes[reason] ?? 422,
    reason: reason as NonNullable<typeof status.reason>,
    details: { ...status.details, causes: [{ message }] },
  });
}
