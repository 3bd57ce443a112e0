/** Schema of OverridePolicy and ClusterOverridePolicy. */
import { anyJson, kindSchema, list, object, oneOf, string, stringMap } from '../../schema-parts.ts';
import { clusterAffinity, resourceSelector } from './propagation-policy-schema.ts';

const operator = oneOf('add', 'remove', 'replace');
const commandArgs = list(
  object({ containerName: string, operator: oneOf('add', 'remove'), value: list(string) }, [
    'containerName',
    'operator',
  ]),
);
const labelAnnotation = list(object({ operator, value: stringMap }, ['operator', 'value']));
const fieldPatch = list(object({ operator, subPath: string, value: anyJson }, ['operator', 'subPath']));

const overriders = object({
  annotationsOverrider: labelAnnotation,
  argsOverrider: commandArgs,
  commandOverrider: commandArgs,
  fieldOverrider: list(object({ fieldPath: string, json: fieldPatch, yaml: fieldPatch }, ['fieldPath'])),
  imageOverrider: list(
    object(
      {
        component: oneOf('Registry', 'Repository', 'Tag'),
        operator,
        predicate: object({ path: string }, ['path']),
        value: string,
      },
      ['component', 'operator'],
    ),
  ),
  labelsOverrider: labelAnnotation,
  plaintext: list(object({ operator, path: string, value: anyJson }, ['operator', 'path'])),
});

export const overridePolicySchema = kindSchema(
  object({
    overrideRules: list(object({ overriders, targetCluster: clusterAffinity }, ['overriders'])),
    overriders,
    resourceSelectors: list(resourceSelector),
    targetCluster: clusterAffinity,
  }),
);
