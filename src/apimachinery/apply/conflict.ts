/** The refusal of an apply that would change fields of others. */
import { type StatusCause, type StatusError, statusFailure } from '../status-error.ts';
import { type FieldSet, pathTexts } from './field-set.ts';
import { identityOf, type Manager } from './managed-fields.ts';

export interface Conflict {
  manager: Manager;
  /** What the other owns and the apply would change. */
  fields: FieldSet;
}

/** 409 with one cause per path, managers in order. */
export function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const sorted = [...conflicts].sort((a, b) => (identityOf(a.manager) < identityOf(b.manager) ? -1 : 1));
  const owners = sorted.map(({ manager, fields }) => ({ owner: ownerText(manager), paths: pathTexts(fields) }));
  const causes: StatusCause[] = owners.flatMap(({ owner, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field })),
  );
  const first = owners[0];
  const message =
    causes.length === 1 && first !== undefined
      ? `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.paths[0]}`
      : `Apply failed with ${causes.length} conflicts: ${owners.map(conflictsText).join('\n')}`;
  return statusFailure(409, 'Conflict', message, { causes });
}

const conflictsText = ({ owner, paths }: { owner: string; paths: readonly string[] }): string =>
  [`conflicts with ${owner}:`, ...paths.map((path) => `- ${path}`)].join('\n');

function ownerText({ manager, operation, apiVersion, subresource }: Manager): string {
  const view = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(manager)}${view}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}
