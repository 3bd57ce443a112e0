/** Schema of Cluster. It serves field checks and OpenAPI; its rules stand in the strategy of the cluster API group. */
import { describeFields } from '../../describe-fields.ts';
import {
  boolean,
  condition,
  dateTime,
  int32,
  integer,
  kindSchema,
  list,
  object,
  quantity,
  resourceList,
  string,
  stringMap,
} from '../../schema-parts.ts';
import { clusterTexts } from './cluster-texts.ts';

const secretReference = object({ name: string, namespace: string }, ['namespace', 'name']);

const spec = object(
  {
    apiEndpoint: string,
    id: string,
    impersonatorSecretRef: secretReference,
    insecureSkipTLSVerification: boolean,
    provider: string,
    proxyHeader: stringMap,
    proxyURL: string,
    region: string,
    resourceModels: list(
      object(
        {
          grade: integer,
          ranges: list(object({ max: quantity, min: quantity, name: string }, ['max', 'min', 'name'])),
        },
        ['grade', 'ranges'],
      ),
    ),
    secretRef: secretReference,
    syncMode: string,
    taints: list(object({ effect: string, key: string, timeAdded: dateTime, value: string }, ['effect', 'key'])),
    zone: string,
    zones: list(string),
  },
  ['syncMode'],
);

const status = object({
  apiEnablements: list(
    object({ groupVersion: string, resources: list(object({ kind: string, name: string }, ['kind', 'name'])) }, [
      'groupVersion',
    ]),
  ),
  conditions: list(condition),
  kubernetesVersion: string,
  nodeSummary: object({ readyNum: int32, totalNum: int32 }),
  remedyActions: list(string),
  resourceSummary: object({
    allocatable: resourceList,
    allocatableModelings: list(object({ count: integer, grade: integer }, ['count', 'grade'])),
    allocated: resourceList,
    allocating: resourceList,
  }),
});

export const clusterSchema = describeFields(kindSchema(spec, status), clusterTexts);
