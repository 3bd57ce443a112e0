/** The plugin MutatingAdmissionPolicy: what the policies make of an object. */

import { checkPatch } from '../../../apimachinery/apply/patch-errors.ts';
import { mergeTyped } from '../../../apimachinery/apply/typed-merge.ts';
import { objectSchema } from '../../../apimachinery/apply/typed-value.ts';
import { toJson } from '../../../apimachinery/cel/to-json.ts';
import { apiVersionOf } from '../../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../../apimachinery/object.ts';
import { applyJsonPatch, parseJsonPatch } from '../../../apimachinery/patch/json.ts';
import type { Mutation } from '../../../kubernetes/admissionregistration/policy-types.ts';
import type { Authorizer } from '../../authorization/authorizer.ts';
import { scaleTarget } from '../../endpoints/scale.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { reviewRequest } from '../webhooks/review.ts';
import { replaceContent, viewsOf } from '../webhooks/webhook-admission.ts';
import { createEvaluator, EvaluationError, type Evaluator, namespaceObjectOf } from './evaluation.ts';
import type { Invocation, Misconfigured } from './invocations.ts';
import type { CompiledPolicy } from './policy-index.ts';
import { denied } from './validating-policies.ts';

/** One after another, each sees what those before made; those that want it run once more when a later one changed the object. */
export async function mutateByPolicies(
  invocations: readonly (Invocation | Misconfigured)[],
  request: AdmissionRequest,
  catalog: ResourceCatalog,
  authorizer: Authorizer,
): Promise<void> {
  if (request.object === undefined) return;
  const namespaceObject = await namespaceObjectOf(request, catalog);
  const run = async (invocation: Invocation | Misconfigured): Promise<boolean> => {
    const { policy, binding } = invocation;
    const before = cloneJson(request.object as Unstructured);
    try {
      if ('error' in invocation) throw new EvaluationError(`failed to configure binding: ${invocation.error}`);
      await mutate(invocation, request, namespaceObject, catalog, authorizer);
      return !deepEqual(before, request.object);
    } catch (error) {
      replaceContent(request.object as Unstructured, before);
      if (policy.spec.failurePolicy === 'Ignore') return false;
      const why = error instanceof Error ? error.message : String(error);
      throw denied(request, `policy '${policy.name}' with binding '${binding.name}' denied request: ${why}`, 'Invalid');
    }
  };
  let lastChange = -1;
  for (const [i, invocation] of invocations.entries()) if (await run(invocation)) lastChange = i;
  for (const [i, invocation] of invocations.entries())
    if (i < lastChange && invocation.policy.spec.reinvocationPolicy === 'IfNeeded') await run(invocation);
}

async function mutate(
  { policy, seen, params }: Invocation,
  request: AdmissionRequest,
  namespaceObject: DeepReadonly<Unstructured> | undefined,
  catalog: ResourceCatalog,
  authorizer: Authorizer,
): Promise<void> {
  const object = request.object as Unstructured;
  const views = viewsOf(catalog, request, seen);
  const oldObject = request.oldObject === undefined ? undefined : await views.show(request.oldObject);
  const target =
    request.subresource === 'scale' ? scaleTarget : catalog.lookup(seen.group, seen.version, seen.resource);
  if (target === undefined) return;
  for (const [i, mutation] of (policy.spec.mutations ?? []).entries()) {
    const shown = await views.show(object);
    const review = reviewRequest(request, seen, { object: shown, oldObject });
    const evaluator = createEvaluator(policy, review, params, namespaceObject, request, authorizer);
    if (i === 0 && !evaluator.conditionsHold()) return;
    const changed = cloneJson(patched(mutation, policy, evaluator, shown, target)) as Unstructured;
    checkIdentity(changed, shown);
    replaceContent(object, await views.read(changed, object));
  }
}

function patched(
  { patchType, applyConfiguration, jsonPatch }: DeepReadonly<Mutation>,
  policy: CompiledPolicy,
  evaluator: Evaluator,
  shown: DeepReadonly<Unstructured>,
  { type, schema }: Pick<typeof scaleTarget, 'type' | 'schema'>,
): unknown {
  if (patchType === 'JSONPatch') {
    const operations = toJson(evaluator.evaluate(policy.compile(jsonPatch?.expression ?? '')));
    return applyJsonPatch(shown, parseJsonPatch(operations));
  }
  const given = toJson(evaluator.evaluate(policy.compile(applyConfiguration?.expression ?? '')));
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new EvaluationError('the applyConfiguration does not give an Object');
  const patch = { apiVersion: apiVersionOf(type), kind: type.kind, metadata: {}, ...given };
  checkPatch(patch, type, schema);
  return mergeTyped(shown, patch, objectSchema(schema));
}

/** The object stays the one that was asked for. */
function checkIdentity(object: Unstructured, before: DeepReadonly<Unstructured>): void {
  const moved =
    object.apiVersion !== before.apiVersion || object.kind !== before.kind
      ? 'apiVersion or kind'
      : (['name', 'namespace', 'uid'] as const).find((field) => object.metadata?.[field] !== before.metadata[field]);
  if (moved !== undefined) throw new EvaluationError(`the mutation changes ${moved} of the object`);
}
