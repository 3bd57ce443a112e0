/** Schemas of the kinds that configure the resource interpreter. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { int32, kindSchema, list, object, string } from '../../schema-parts.ts';

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

export const resourceInterpreterWebhookConfigurationSchema: Schema = object(
  {
    apiVersion: string,
    kind: string,
    metadata: { type: 'object' },
    webhooks: list(
      object(
        {
          clientConfig: object({
            caBundle: { type: 'string', format: 'byte' },
            service: object({ name: string, namespace: string, path: string, port: int32 }, ['name', 'namespace']),
            url: string,
          }),
          interpreterContextVersions: list(string),
          name: string,
          rules: list(
            object(
              { apiGroups: list(string), apiVersions: list(string), kinds: list(string), operations: list(string) },
              ['apiGroups', 'apiVersions', 'kinds', 'operations'],
            ),
          ),
          timeoutSeconds: int32,
        },
        ['clientConfig', 'interpreterContextVersions', 'name'],
      ),
    ),
  },
  ['webhooks'],
);
