/** ResourceInterpreterWebhookConfiguration: HTTPS servers that interpret kinds, and what they are sent. */
import type { KubeObject } from '../../../apimachinery/object.ts';

export interface ResourceInterpreterWebhookConfiguration extends KubeObject {
  webhooks: ResourceInterpreterWebhook[];
}

export interface ResourceInterpreterWebhook {
  /** Fully qualified and unique in its configuration. */
  name: string;
  clientConfig: WebhookClientConfig;
  rules?: RuleWithOperations[];
  /** 1 to 30. */
  timeoutSeconds?: number;
  interpreterContextVersions: string[];
}

/** Exactly one of url and service. */
export interface WebhookClientConfig {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** PEM, in base64. */
  caBundle?: string;
}

/** `*` alone means all. */
export interface RuleWithOperations {
  operations: string[];
  apiGroups: string[];
  apiVersions: string[];
  kinds: string[];
}
