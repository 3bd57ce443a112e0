/** What an API server has to know to call karmada-webhook: under upstream's names and paths, made from the table of rules. */
import type { Unstructured } from '../apimachinery/object.ts';
import { deletionProtectedLabel } from '../apis/constants.ts';
import { deletionProtectionWebhook, type KindRules } from './kind-rules.ts';

export const mutatePath = ({ type }: KindRules): string => `/mutate-${type.kind.toLowerCase()}`;
export const validatePath = ({ type }: KindRules): string => `/validate-${type.kind.toLowerCase()}`;
export const deletionProtectionPath = '/validate-resourcedeletionprotection';

export interface WebhookConfigurationOptions {
  rules: readonly KindRules[];
  /** Where karmada-webhook is reached: `https://host:port`, without a path. */
  url: string;
  /** PEM of the authority that signed its certificate; absent: an authority that the API server trusts anyway. */
  ca?: string | undefined;
}

/** `mutating-config` and `validating-config`. */
export function webhookConfigurations({ rules, url, ca }: WebhookConfigurationOptions): Unstructured[] {
  const webhook = (name: string, path: string, rule: object, more: object = {}) => ({
    name,
    rules: [rule],
    clientConfig: { url: `${url}${path}`, ...caBundle(ca) },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 3,
    ...more,
  });
  const ruleOf = ({ type }: KindRules, operations: readonly string[]) => ({
    operations,
    apiGroups: [type.group],
    apiVersions: ['*'],
    resources: [type.resource],
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
  });
  const bothWrites = ['CREATE', 'UPDATE'];
  return [
    configuration(
      'MutatingWebhookConfiguration',
      'mutating-config',
      rules
        .filter((kind) => kind.mutate !== undefined)
        .map((kind) => webhook(kind.webhook, mutatePath(kind), ruleOf(kind, kind.mutateOn ?? bothWrites))),
    ),
    configuration('ValidatingWebhookConfiguration', 'validating-config', [
      ...rules
        .filter((kind) => kind.validate !== undefined)
        .map((kind) => webhook(kind.webhook, validatePath(kind), ruleOf(kind, bothWrites), kind.webhookFields)),
      webhook(
        deletionProtectionWebhook,
        deletionProtectionPath,
        { operations: ['DELETE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: '*' },
        { objectSelector: { matchExpressions: [{ key: deletionProtectedLabel, operator: 'Exists' }] } },
      ),
    ]),
  ];
}

/** Lets definitions that a webhook converts ask this one. */
export function withConversion(definitions: readonly Unstructured[], url: string, ca?: string): Unstructured[] {
  return definitions.map((definition) => {
    const spec = definition['spec'] as { conversion?: { webhook: object } };
    if (spec.conversion === undefined) return definition;
    const webhook = { ...spec.conversion.webhook, clientConfig: { url: `${url}/convert`, ...caBundle(ca) } };
    return { ...definition, spec: { ...spec, conversion: { ...spec.conversion, webhook } } };
  });
}

const caBundle = (ca: string | undefined) => (ca === undefined ? {} : { caBundle: Buffer.from(ca).toString('base64') });

const configuration = (kind: string, name: string, webhooks: object[]): Unstructured => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind,
  metadata: { name, labels: { app: 'karmada-webhook' } },
  webhooks,
});
