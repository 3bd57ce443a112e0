/**
 * The webhook layer: ResourceInterpreterWebhookConfigurations. A hook is named `configuration/hook`; among those whose rules
 * match, the one with the lowest name answers, and its error is the answer, too.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { apiVersionOf, type GroupVersionKind } from '../../apimachinery/group-version.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type {
  InterpreterRule,
  InterpreterWebhook,
  ResourceInterpreterWebhookConfiguration,
} from '../../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { createBreakers } from '../breaker.ts';
import type {
  InterpretationListener,
  InterpreterLayer,
  InterpreterOperation,
  InterpreterOperations,
} from '../interpreter.ts';
import { type WebhookCaller, WebhookUnavailable } from './caller.ts';
import { webhookOperations } from './operations.ts';

type Configuration = DeepReadonly<ResourceInterpreterWebhookConfiguration>;

export interface WebhookLayerOptions {
  caller: WebhookCaller;
  /** Told of every call that fails. */
  onFailure?(configuration: Configuration, operation: InterpreterOperation, message: string): void;
  clock?: Clock;
}

export interface WebhookLayer extends InterpreterLayer {
  /** Adds or replaces one. */
  set(configuration: Configuration): void;
  delete(configuration: Configuration): void;
}

interface Hook {
  uid: string;
  hook: DeepReadonly<InterpreterWebhook>;
  configuration: Configuration;
}

export function createWebhookLayer(options: WebhookLayerOptions): WebhookLayer {
  const breakers = createBreakers({
    clock: options.clock ?? systemClock,
    counts: (error) => error instanceof WebhookUnavailable,
    verb: 'called in vain',
  });
  const configurations = new Map<string, Configuration>();
  const listeners = new Set<InterpretationListener>();
  /** All hooks, ordered by uid. */
  let hooks: Hook[] = [];
  /** Looked up before, by kind and operation; matching looks at every hook once. */
  let found = new Map<string, Hook | undefined>();

  function replace(name: string, configuration: Configuration | undefined): void {
    const before = configurations.get(name);
    if (configuration === undefined) configurations.delete(name);
    else configurations.set(name, configuration);
    for (const { uid } of hooks) if (uid.startsWith(`${name}/`)) breakers.forget(uid);
    hooks = [...configurations.values()].flatMap((each) =>
      each.webhooks.map((hook) => ({ uid: `${nameOf(each)}/${hook.name}`, hook, configuration: each })),
    );
    hooks.sort((a, b) => (a.uid < b.uid ? -1 : 1));
    found = new Map();
    const rules = [before, configuration].flatMap((each) => each?.webhooks ?? []).flatMap((hook) => hook.rules ?? []);
    for (const listener of listeners) listener((kind) => rules.some((rule) => coversKind(rule, kind)));
  }

  function hookFor(kind: GroupVersionKind, operation: InterpreterOperation): Hook | undefined {
    if (hooks.length === 0) return undefined;
    const key = `${apiVersionOf(kind)}|${kind.kind}|${operation}`;
    if (!found.has(key))
      found.set(
        key,
        hooks.find(({ hook }) =>
          hook.rules?.some((rule) => covers(rule.operations, operation) && coversKind(rule, kind)),
        ),
      );
    return found.get(key);
  }

  return {
    name: 'webhook',
    find<O extends InterpreterOperation>(kind: GroupVersionKind, operation: O): InterpreterOperations[O] | undefined {
      const match = hookFor(kind, operation);
      if (match === undefined) return undefined;
      const { uid, hook, configuration } = match;
      const operations = webhookOperations((request) => breakers.guard(uid, () => options.caller.call(hook, request)));
      const run = operations[operation] as (...args: unknown[]) => Promise<unknown>;
      const reporting = async (...args: unknown[]): Promise<unknown> => {
        try {
          return await run(...args);
        } catch (error) {
          const { message } = error as Error;
          // What changed meanwhile is no longer of interest.
          if (configurations.get(nameOf(configuration)) === configuration)
            options.onFailure?.(configuration, operation, `${hook.name}: ${message}`);
          throw new Error(`ResourceInterpreterWebhookConfiguration(${uid}) ${operation}: ${message}`, { cause: error });
        }
      };
      return reporting as InterpreterOperations[O];
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (configuration) => replace(nameOf(configuration), configuration),
    delete(configuration) {
      if (configurations.has(nameOf(configuration))) replace(nameOf(configuration), undefined);
    },
  };
}

const nameOf = (configuration: Configuration): string => configuration.metadata.name ?? '';
const covers = (values: readonly string[], value: string): boolean => values.includes('*') || values.includes(value);
const coversKind = (rule: DeepReadonly<InterpreterRule>, kind: Readonly<GroupVersionKind>): boolean =>
  covers(rule.apiGroups, kind.group) && covers(rule.apiVersions, kind.version) && covers(rule.kinds, kind.kind);
