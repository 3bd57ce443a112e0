/** The webhooks of all configurations of one kind, found by the resource of a request. */
import { compile, type Program } from '../../../apimachinery/cel/compile.ts';
import type { ResourceType } from '../../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import { matchConditionVariables } from '../../../kubernetes/admissionregistration/webhook-configuration.ts';
import type {
  Webhook,
  WebhookConfiguration,
  WebhookRule,
} from '../../../kubernetes/admissionregistration/webhook-types.ts';
import type { ResourceReader } from '../../registry/resource-catalog.ts';

export interface IndexedWebhook {
  webhook: DeepReadonly<Webhook>;
  /** Of the configuration it is in. */
  configuration: string;
  /** A program is undefined where the expression does not compile here: another server may have stored it. */
  conditions: readonly { name: string; program: Program | undefined }[];
}

/** In the order in which webhooks are called: by the name of the configuration, then as listed. */
export class WebhookIndex {
  readonly #configurations = new Map<string, readonly IndexedWebhook[]>();
  #ordered: readonly IndexedWebhook[] = [];
  /** Resource, or `*`, → those with a rule that names it. */
  #byResource = new Map<string, readonly IndexedWebhook[]>();

  follow(reader: ResourceReader): () => void {
    return reader.subscribe({ put: (object) => this.#put(object), deleted: (object) => this.#delete(object) });
  }

  /** Those that have a rule for the resource by name, whatever its version. O(1), and empty at no cost without webhooks. */
  candidates(resource: string): readonly IndexedWebhook[] {
    if (this.#ordered.length === 0) return this.#ordered;
    return this.#byResource.get(resource) ?? this.#byResource.get('*') ?? [];
  }

  #put(object: DeepReadonly<Unstructured>): void {
    const { metadata, webhooks = [] } = object as unknown as DeepReadonly<WebhookConfiguration>;
    const configuration = metadata.name ?? '';
    this.#configurations.set(
      configuration,
      webhooks.map((webhook) => ({ webhook, configuration, conditions: conditionsOf(webhook) })),
    );
    this.#rebuild();
  }

  #delete({ metadata }: DeepReadonly<Unstructured>): void {
    this.#configurations.delete(metadata.name ?? '');
    this.#rebuild();
  }

  #rebuild(): void {
    const names = [...this.#configurations.keys()].sort();
    this.#ordered = names.flatMap((name) => this.#configurations.get(name) ?? []);
    const resources = new Set(this.#ordered.flatMap(({ webhook }) => (webhook.rules ?? []).flatMap(resourcesOf)));
    resources.add('*');
    this.#byResource = new Map(
      [...resources].map((resource) => [
        resource,
        this.#ordered.filter(({ webhook }) =>
          (webhook.rules ?? []).some((rule) => resourcesOf(rule).some((name) => name === resource || name === '*')),
        ),
      ]),
    );
  }
}

const resourcesOf = (rule: DeepReadonly<WebhookRule>): string[] =>
  (rule.resources ?? []).map((resource) => resource.split('/')[0] as string);

function conditionsOf({ matchConditions = [] }: DeepReadonly<Webhook>): IndexedWebhook['conditions'] {
  return matchConditions.map(({ name, expression }) => ({ name, program: programOf(expression) }));
}

function programOf(expression: string): Program | undefined {
  try {
    return compile(expression, matchConditionVariables);
  } catch {
    return undefined;
  }
}

/** Whether a rule is about requests to this resource and version. */
export function ruleMatches(
  rule: DeepReadonly<WebhookRule>,
  operation: string,
  type: ResourceType,
  subresource: string,
): boolean {
  const has = (values: readonly string[] | undefined, value: string): boolean =>
    values !== undefined && (values.includes('*') || values.includes(value));
  if (!has(rule.operations, operation) || !has(rule.apiGroups, type.group) || !has(rule.apiVersions, type.version))
    return false;
  if (rule.scope !== undefined && rule.scope !== '*') {
    // A Namespace is cluster-scoped, and so is what is in none.
    const scope = type.namespaced ? 'Namespaced' : 'Cluster';
    if (rule.scope !== scope) return false;
  }
  return (rule.resources ?? []).some((wanted) => {
    const [resource = '', sub = ''] = wanted.split('/');
    return (resource === '*' || resource === type.resource) && (sub === subresource || sub === '*');
  });
}
