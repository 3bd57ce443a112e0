/**
 * An update that the member's API server refuses because of what it says (422: a field that cannot be changed, most often).
 * The same update would be refused again, so it is not sent again until the manifest or the member's object is another one.
 */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { isStatus, type StatusError } from '../../apimachinery/status-error.ts';
import { differingPaths, listPaths } from './field-paths.ts';

export class UpdateRefused extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'UpdateRefused';
  }
}

const beginning = 'the API server of the member refuses to change ';

/** Whether a text, of a condition say, tells of a refusal. */
export const tellsOfRefusal = (text: string): boolean => text.includes(beginning);

/** `desired` and `observed` in comparable forms. Undefined: the error says nothing about the content. */
export function asRefusal(
  error: unknown,
  cluster: string,
  desired: DeepReadonly<Unstructured>,
  observed: DeepReadonly<Unstructured>,
): UpdateRefused | undefined {
  if (!isStatus(error, 'Invalid')) return undefined;
  const fields = refusedFields(error, differingPaths(observed, desired));
  const cure = `Make it the same in the template, or for this cluster by an override policy; or delete the ${desired.kind} in cluster ${cluster}, and it is made anew`;
  return new UpdateRefused(
    `${beginning}${listPaths(fields)} of ${desired.kind} ${nameOf(desired)}: ${error.message}. ${cure}`,
    error,
  );
}

/** The paths that the server names; where it names a whole part of the object, those in it that were to be changed. */
function refusedFields(error: StatusError, changed: readonly string[]): string[] {
  const named = (error.status.details?.causes ?? []).flatMap((cause) => cause.field ?? []);
  const fields = named.flatMap((field) => {
    const inside = changed.filter((path) => path.startsWith(`${field}.`) || path.startsWith(`${field}[`));
    return inside.length > 0 ? inside : [field];
  });
  return [...new Set(fields.length > 0 ? fields : changed)];
}

function nameOf({ metadata: { namespace, name = '' } }: DeepReadonly<Unstructured>): string {
  return namespace ? `${namespace}/${name}` : name;
}
