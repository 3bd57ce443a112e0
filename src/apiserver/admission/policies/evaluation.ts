/** Evaluates the expressions of a policy for one request, within the budgets that bound them. */
import { CelError, CostExceeded, fromJson, Lazy, type Value } from '../../../apimachinery/cel/values.ts';
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import { namespaces } from '../../../kubernetes/resource-types.ts';
import type { Authorizer } from '../../authorization/authorizer.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { authorizerOf } from '../webhooks/match.ts';
import type { CompiledPolicy, Expression } from './policy-index.ts';

/** What one expression may cost, all match conditions, and all others of a policy together. */
const expressionLimit = 1_000_000;
const conditionsLimit = 2_500_000;
const policyLimit = 10_000_000;

export interface Evaluator {
  /** Throws EvaluationError. */
  evaluate(expression: Expression): Value;
  /** Whether all match conditions hold. Throws EvaluationError when none is false and one fails. */
  conditionsHold(): boolean;
}

/** An expression that gave nothing; the message says why. */
export class EvaluationError extends Error {}

export function createEvaluator(
  policy: CompiledPolicy,
  review: { object: unknown; oldObject: unknown },
  params: DeepReadonly<Unstructured> | undefined,
  namespaceObject: DeepReadonly<Unstructured> | undefined,
  request: AdmissionRequest,
  authorizer: Authorizer,
): Evaluator {
  const variables: { [name: string]: Value | Lazy } = {
    object: fromJson(review.object),
    oldObject: fromJson(review.oldObject),
    request: fromJson(review),
    params: fromJson(params),
    namespaceObject: fromJson(namespaceObject),
    ...authorizerOf(request, authorizer),
  };
  for (const { name, expression } of policy.variables)
    variables[`variables.${name}`] = new Lazy((budget) => {
      if (expression.program === undefined)
        throw new CelError(`composited variable "${name}" fails to compile: ${expression.error}`);
      return expression.program.evaluate(variables, budget);
    });

  function spendFrom(pool: { left: number }, { text, program, error }: Expression): Value {
    if (program === undefined) throw new EvaluationError(`expression '${text}' resulted in error: ${error}`);
    const granted = Math.min(expressionLimit, pool.left);
    const budget = { left: granted };
    try {
      return program.evaluate(variables, budget);
    } catch (failure) {
      if (failure instanceof CostExceeded)
        throw new EvaluationError(
          granted < expressionLimit
            ? 'validation failed due to running out of cost budget, no further validation rules will be run'
            : `expression '${text}' resulted in error: ${failure.message}`,
        );
      if (failure instanceof CelError)
        throw new EvaluationError(`expression '${text}' resulted in error: ${failure.message}`);
      throw failure;
    } finally {
      pool.left -= granted - Math.max(budget.left, 0);
    }
  }

  const pool = { left: policyLimit };
  return {
    evaluate: (expression) => spendFrom(pool, expression),
    conditionsHold() {
      const own = { left: conditionsLimit };
      let failure: EvaluationError | undefined;
      for (const { expression } of policy.conditions) {
        try {
          const holds = spendFrom(own, expression);
          if (holds === false) return false;
          if (holds !== true) failure ??= new EvaluationError(`expression '${expression.text}' does not give a bool`);
        } catch (error) {
          if (!(error instanceof EvaluationError)) throw error;
          failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
      return true;
    },
  };
}

/** The Namespace that the object is in; none for what is in none. */
export async function namespaceObjectOf(
  { type, namespace }: AdmissionRequest,
  catalog: ResourceCatalog,
): Promise<DeepReadonly<Unstructured> | undefined> {
  if (!type.namespaced || namespace === '') return undefined;
  const reader = catalog.reader(namespaces);
  const found = reader.cached({ name: namespace }) ?? (await reader.get({ name: namespace }));
  if (found === undefined) return undefined;
  const { managedFields: _managedFields, ...metadata } = found.metadata;
  return { ...found, metadata };
}
