/** ResourceInterpreterWebhookConfiguration: servers that interpret kinds. */
import type { KubeObject } from '../../../apimachinery/object.ts';

export interface ResourceInterpreterWebhookConfiguration extends KubeObject {
  webhooks: InterpreterWebhook[];
}

export interface InterpreterWebhook {
  /** Fully qualified, unique in its configuration. */
  name: string;
  clientConfig: InterpreterWebhookClientConfig;
  rules?: InterpreterRule[];
  /** 1 to 30. */
  timeoutSeconds?: number;
  /** Must include v1alpha1. */
  interpreterContextVersions: string[];
}

/** One of url and service. */
export interface InterpreterWebhookClientConfig {
  url?: string;
  /** Looked up in the control plane first; port 443 unless given. */
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** PEM in base64. */
  caBundle?: string;
}

/** `*` alone stands for all. */
export interface InterpreterRule {
  operations: string[];
  apiGroups: string[];
  apiVersions: string[];
  kinds: string[];
}
