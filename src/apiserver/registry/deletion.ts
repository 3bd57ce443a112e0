/**
 * Deletion in two phases, as pure decisions.
 *
 *   live ──DELETE, nothing pending──────────────────────────────────▶ removed
 *     └───DELETE, finalizers or grace──▶ terminating ──the last finalizer goes (PUT, PATCH, /status), grace 0──▶ removed
 *                                           └────────DELETE again, nothing pending any more────────────────────▶ removed
 */
import { formatTime } from '../../apimachinery/clock.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { fieldError, invalid, statusFailure } from '../../apimachinery/status-error.ts';
import { unsafeOption } from './unsafe-delete.ts';

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  orphanDependents?: boolean;
  propagationPolicy?: string;
  dryRun?: string[];
  ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
}

export type DeletionStep =
  | { readonly kind: 'remove' }
  /** Nothing changes: the object is on its way out already. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'mark'; readonly object: Unstructured };

/** Throws 422 for contradicting or unknown options. */
export function checkDeleteOptions(options: DeleteOptions): void {
  const errors = [];
  const { propagationPolicy: policy } = options;
  if (policy !== undefined && options.orphanDependents !== undefined)
    errors.push(
      fieldError.invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  if (policy !== undefined && !['Background', 'Foreground', 'Orphan'].includes(policy))
    errors.push(fieldError.notSupported('propagationPolicy', policy, ['Background', 'Foreground', 'Orphan']));
  if (options[unsafeOption] === true)
    for (const other of [
      'dryRun',
      'propagationPolicy',
      'orphanDependents',
      'gracePeriodSeconds',
      'preconditions',
    ] as const)
      if (options[other] !== undefined)
        errors.push(fieldError.invalid(unsafeOption, true, `cannot be set together with .${other}`));
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
}

/** Throws 409 when uid or resourceVersion are not those that the caller asked for. */
export function checkPreconditions(
  definition: ResourceDefinition,
  object: DeepReadonly<Unstructured>,
  preconditions: DeleteOptions['preconditions'],
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== object.metadata.uid)
    throw preconditionFailed(
      definition,
      object,
      `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
    throw preconditionFailed(
      definition,
      object,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion}). The object might have been modified`,
    );
}

/** Here upstream names the Kind, not the resource. */
function preconditionFailed(definition: ResourceDefinition, object: DeepReadonly<Unstructured>, why: string): Error {
  const name = object.metadata.name ?? '';
  const { group, kind } = definition.type;
  return statusFailure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${group === '' ? kind : `${kind}.${group}`} "${name}": ${why}`,
    {
      name,
      ...(group === '' ? {} : { group }),
      kind,
    },
  );
}

/** What a DELETE does to this object. `now` in milliseconds. */
export function deletionStep(
  definition: ResourceDefinition,
  object: DeepReadonly<Unstructured>,
  options: DeleteOptions,
  now: number,
): DeletionStep {
  const { metadata } = object;
  const grace = graceOf(definition, object, options);
  const terminating = metadata.deletionTimestamp !== undefined;
  if (terminating && (metadata.deletionGracePeriodSeconds ?? 0) > 0) {
    // In grace: it can only be shortened.
    const left = metadata.deletionGracePeriodSeconds as number;
    if (options.gracePeriodSeconds === undefined || grace >= left) return { kind: 'unchanged' };
    if (grace === 0 && pendingFinalizers(object).length === 0) return { kind: 'remove' };
    const copy = cloneJson(object) as Unstructured;
    const earlier = Date.parse(metadata.deletionTimestamp as string) - (left - grace) * 1000;
    copy.metadata.deletionTimestamp = formatTime(Math.max(earlier, now));
    copy.metadata.deletionGracePeriodSeconds = grace;
    return { kind: 'mark', object: copy };
  }
  const finalizers = terminating ? [...(metadata.finalizers ?? [])] : finalizersFor(definition, object, options);
  const pending = finalizers.length > 0 || specFinalizers(object).length > 0;
  if (!pending && grace === 0) return { kind: 'remove' };
  if (terminating) return pending ? { kind: 'unchanged' } : { kind: 'remove' };
  const copy = cloneJson(object) as Unstructured;
  if (finalizers.length > 0) copy.metadata.finalizers = finalizers;
  else delete copy.metadata.finalizers;
  copy.metadata.deletionTimestamp = formatTime(now + grace * 1000);
  if (!isNamespace(object)) copy.metadata.deletionGracePeriodSeconds = grace;
  if (definition.generation !== 'none' && copy.metadata.generation !== undefined) copy.metadata.generation++;
  if (isNamespace(object)) copy['status'] = { ...(copy['status'] as object | undefined), phase: 'Terminating' };
  return { kind: 'mark', object: copy };
}

/** Whether a written object is to be removed at once: it is terminating and nothing holds it any more. */
export function isDone(object: DeepReadonly<Unstructured>): boolean {
  const { metadata } = object;
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    pendingFinalizers(object).length === 0
  );
}

function pendingFinalizers(object: DeepReadonly<Unstructured>): readonly string[] {
  return [...(object.metadata.finalizers ?? []), ...specFinalizers(object)];
}

const isNamespace = (object: DeepReadonly<Unstructured>): boolean =>
  object.kind === 'Namespace' && object.apiVersion === 'v1';

/** Namespaces have a second list: `spec.finalizers`, emptied through /finalize once their content is gone. */
function specFinalizers(object: DeepReadonly<Unstructured>): readonly string[] {
  if (!isNamespace(object)) return [];
  return (object['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? [];
}

/** Seconds. Only kinds with a grace period of their own (Pods) have one. */
function graceOf(definition: ResourceDefinition, object: DeepReadonly<Unstructured>, options: DeleteOptions): number {
  if (definition.gracePeriodSeconds === undefined) return 0;
  const fallback = definition.gracePeriodSeconds(object);
  const asked = options.gracePeriodSeconds;
  if (asked === undefined || fallback === 0) return fallback;
  return asked < 0 ? 1 : asked;
}

/** The finalizers that the propagation policy asks for; without a policy those stay that are there. */
function finalizersFor(
  definition: ResourceDefinition,
  object: DeepReadonly<Unstructured>,
  options: DeleteOptions,
): string[] {
  const finalizers = [...(object.metadata.finalizers ?? [])];
  if (
    definition.type.resource === 'events' &&
    (definition.type.group === '' || definition.type.group === 'events.k8s.io')
  )
    return finalizers;
  let policy = options.propagationPolicy;
  if (options.orphanDependents !== undefined) policy = options.orphanDependents ? 'Orphan' : 'Background';
  if (policy === undefined) return finalizers;
  const kept = finalizers.filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion');
  if (policy === 'Orphan') kept.push('orphan');
  if (policy === 'Foreground') kept.push('foregroundDeletion');
  return kept;
}
