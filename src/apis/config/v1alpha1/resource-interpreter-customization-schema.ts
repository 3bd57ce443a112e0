/** Schema of the kind that configures the resource interpreter. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { kindSchema, object, string } from '../../schema-parts.ts';

const script = object({ luaScript: string }, ['luaScript']);

export const resourceInterpreterCustomizationSchema: Schema = kindSchema(
  object(
    {
      customizations: object({
        componentResource: script,
        dependencyInterpretation: script,
        healthInterpretation: script,
        replicaResource: script,
        replicaRevision: script,
        retention: script,
        statusAggregation: script,
        statusReflection: script,
      }),
      target: object({ apiVersion: string, kind: string }, ['apiVersion', 'kind']),
    },
    ['customizations', 'target'],
  ),
);
