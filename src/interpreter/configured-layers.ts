/** The layers of a running control plane, in their order, kept up to date by the configurations in its API server. */
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import type { ResourceInterpreterCustomization } from '../apis/config/v1alpha1/resource-interpreter-customization.ts';
import type { ResourceInterpreterWebhookConfiguration } from '../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { resourceInterpreterCustomizations, resourceInterpreterWebhookConfigurations } from '../apis/resource-types.ts';
import type { InformerFactory } from '../client/informer.ts';
import { services } from '../kubernetes/resource-types.ts';
import type { InterpreterLayer } from './interpreter.ts';
import { createDeclarativeLayer } from './lua/customization.ts';
import { createLuaPool } from './lua/pool.ts';
import { nativeLayer } from './native/native.ts';
import { thirdPartyLayer } from './third-party/third-party.ts';
import { createWebhookCaller } from './webhook/caller.ts';
import { createWebhookLayer } from './webhook/webhook-layer.ts';

export interface ConfiguredLayersOptions {
  /** Not started yet. Only when it has synced the layers are complete. */
  informers: InformerFactory;
  /** Told of scripts that fail: the configuration, a reason for an Event, and what happened. */
  onFailure(about: DeepReadonly<KubeObject>, reason: string, message: string): void;
}

export interface ConfiguredLayers {
  /** In the order in which they are asked. */
  layers: InterpreterLayer[];
  /** Ends the threads that scripts run in and the connections to webhooks. */
  close(): Promise<void>;
}

/** Reason of the Events on configurations whose script or server failed. */
export const interpretFailedReason = 'InterpretFailed';

export function createConfiguredLayers({ informers, onFailure }: ConfiguredLayersOptions): ConfiguredLayers {
  const pool = createLuaPool();
  const declarative = createDeclarativeLayer({
    pool,
    onFailure: (about, operation, message) => onFailure(about, interpretFailedReason, `${operation}: ${message}`),
  });
  informers.informer<ResourceInterpreterCustomization>(resourceInterpreterCustomizations).addHandler({
    added: (customization) => declarative.set(customization),
    updated(customization, old) {
      if (customization.metadata.generation !== old.metadata.generation) declarative.set(customization);
    },
    deleted: (customization) => declarative.delete(customization),
  });
  const stored = informers.informer(services);
  const caller = createWebhookCaller((namespace, name) => stored.get(`${namespace}/${name}`));
  const webhook = createWebhookLayer({
    caller,
    onFailure: (about, operation, message) => onFailure(about, interpretFailedReason, `${operation}: ${message}`),
  });
  informers.informer<ResourceInterpreterWebhookConfiguration>(resourceInterpreterWebhookConfigurations).addHandler({
    added: (configuration) => webhook.set(configuration),
    updated(configuration, old) {
      if (configuration.metadata.resourceVersion !== old.metadata.resourceVersion) webhook.set(configuration);
    },
    deleted: (configuration) => webhook.delete(configuration),
  });
  return {
    layers: [declarative, webhook, thirdPartyLayer, nativeLayer],
    async close() {
      await Promise.all([pool.close(), caller.close()]);
    },
  };
}
