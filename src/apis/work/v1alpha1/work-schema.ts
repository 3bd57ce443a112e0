/** Schema of Work. Manifests are kept as they are: no check of apiVersion, kind or metadata. */
import { describeFields } from '../../describe-fields.ts';
import {
  anyObject,
  boolean,
  condition,
  integer,
  kindSchema,
  list,
  object,
  resourceHealth,
  string,
} from '../../schema-parts.ts';
import { workTexts } from './work-texts.ts';

const identifier = object(
  { group: string, kind: string, name: string, namespace: string, ordinal: integer, resource: string, version: string },
  ['kind', 'name', 'ordinal', 'resource', 'version'],
);

export const workSchema = describeFields(
  kindSchema(
    object({
      preserveResourcesOnDeletion: boolean,
      suspendDispatching: boolean,
      workload: object({ manifests: list(anyObject) }),
    }),
    object({
      conditions: list(condition),
      manifestStatuses: list(object({ health: resourceHealth, identifier, status: anyObject }, ['identifier'])),
    }),
  ),
  workTexts,
);
