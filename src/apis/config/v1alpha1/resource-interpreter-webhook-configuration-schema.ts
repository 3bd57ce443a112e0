/** Schema of the kind that names servers which interpret kinds. */
import type { Schema } from '../../../apimachinery/schema/structural.ts';
import { int32, list, object, string } from '../../schema-parts.ts';

const strings = list(string);

const webhook = object(
  {
    clientConfig: object({
      caBundle: { type: 'string', format: 'byte' },
      service: object({ name: string, namespace: string, path: string, port: int32 }, ['name', 'namespace']),
      url: string,
    }),
    interpreterContextVersions: strings,
    name: string,
    rules: list(
      object({ apiGroups: strings, apiVersions: strings, kinds: strings, operations: strings }, [
        'apiGroups',
        'apiVersions',
        'kinds',
        'operations',
      ]),
    ),
    timeoutSeconds: int32,
  },
  ['clientConfig', 'interpreterContextVersions', 'name'],
);

/** There is no spec: the webhooks stand at the top. */
export const resourceInterpreterWebhookConfigurationSchema: Schema = object(
  { apiVersion: string, kind: string, metadata: { type: 'object' }, webhooks: list(webhook) },
  ['webhooks'],
);
