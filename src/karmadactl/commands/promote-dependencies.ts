/** What a promoted object depends on, by the control plane's interpreters, promoted before it. */
import { gvkOf } from '../../apimachinery/group-version.ts';
import { formatSelectorObject } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { ResourceInterpreterCustomization } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import type { ResourceInterpreterWebhookConfiguration } from '../../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { managedLabel, workPermanentIdLabel } from '../../apis/constants.ts';
import {
  resourceInterpreterCustomizations,
  resourceInterpreterWebhookConfigurations,
} from '../../apis/resource-types.ts';
import { type ApiResource, createDiscovery } from '../../client/discovery.ts';
import type { DependentObjectReference, InterpreterLayer } from '../../interpreter/interpreter.ts';
import { createDeclarativeLayer } from '../../interpreter/lua/customization.ts';
import { createLuaPool } from '../../interpreter/lua/pool.ts';
import { nativeLayer } from '../../interpreter/native/native.ts';
import { thirdPartyLayer } from '../../interpreter/third-party/third-party.ts';
import { createWebhookCaller } from '../../interpreter/webhook/caller.ts';
import { createWebhookLayer } from '../../interpreter/webhook/webhook-layer.ts';
import { services } from '../../kubernetes/resource-types.ts';
import type { Target } from '../member-access.ts';
import { createTemplate, type Promotion, quoted, shownRef, templateExists, templateOf } from './promotion.ts';

interface Promoted {
  type: ApiResource;
  template: Unstructured;
}

/**
 * All of them or none: when one is in the control plane already, it is somebody else's to propagate, and those promoted before
 * it are taken back.
 */
export async function promoteDependencies(promotion: Promotion, object: Unstructured): Promise<void> {
  const { io, member, signal, dryRun } = promotion;
  const dry = dryRun ? ' (server dry run)' : '';
  const references = await dependenciesOf(promotion, object);
  const promoted: Promoted[] = [];
  for (const { type, object: found } of await readAll(member, references, object, signal)) {
    const template = templateOf(found);
    const shown = `${quoted(type)}(${shownRef(template)})`;
    if (await templateExists(promotion, type, template)) {
      io.stderr(
        `Dependency resource ${shown} already exist in karmada control plane, the dependencies are not promoted\n`,
      );
      if (!dryRun) await revert(promotion, promoted);
      return;
    }
    await createTemplate(promotion, type, template);
    promoted.push({ type, template });
    io.stdout(`Dependency resource ${shown} is promoted successfully${dry}\n`);
  }
}

const spokenNames: Readonly<Record<InterpreterLayer['name'], string>> = {
  declarative: 'configurable',
  webhook: 'customized',
  'third-party': 'third-party',
  native: 'default',
};

async function dependenciesOf(
  { controlPlane: { client }, io, signal }: Promotion,
  object: Unstructured,
): Promise<DependentObjectReference[]> {
  const pool = createLuaPool();
  const [customizations, configurations] = await Promise.all([
    client.resource<ResourceInterpreterCustomization>(resourceInterpreterCustomizations).list({ signal }),
    client.resource<ResourceInterpreterWebhookConfiguration>(resourceInterpreterWebhookConfigurations).list({ signal }),
  ]);
  const stored = configurations.items.length === 0 ? [] : (await client.resource(services).list({ signal })).items;
  const caller = createWebhookCaller((namespace, name) =>
    stored.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  );
  const declarative = createDeclarativeLayer({ pool });
  const webhook = createWebhookLayer({ caller });
  for (const customization of customizations.items) declarative.set(customization);
  for (const configuration of configurations.items) webhook.set(configuration);
  try {
    for (const layer of [declarative, webhook, thirdPartyLayer, nativeLayer]) {
      const interpret = layer.find(gvkOf(object), 'InterpretDependency');
      if (interpret === undefined) continue;
      const references = await interpret(object as DeepReadonly<Unstructured>);
      io.stdout(`use ${spokenNames[layer.name]} interpreter\n`);
      return references;
    }
    return [];
  } finally {
    await Promise.all([pool.close(), caller.close()]);
  }
}

/** References to what the member does not have lead nowhere there either, and are passed over. */
async function readAll(
  { client }: Target,
  references: readonly DependentObjectReference[],
  owner: Unstructured,
  signal: AbortSignal,
): Promise<{ type: ApiResource; object: Unstructured }[]> {
  const discovery = createDiscovery(client);
  const found: { type: ApiResource; object: Unstructured }[] = [];
  for (const reference of references) {
    const type = (await discovery.resourceFor(gvkOf(reference))) as ApiResource;
    const resource = client.resource<Unstructured>(type);
    const within = type.namespaced ? { namespace: reference.namespace ?? owner.metadata.namespace } : {};
    if (reference.name) {
      try {
        found.push({ type, object: await resource.get({ ...within, name: reference.name }, { signal }) });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    } else {
      const labelSelector = formatSelectorObject(reference.labelSelector ?? {});
      const { items } = await resource.list({ ...within, labelSelector, signal });
      found.push(...items.map((object) => ({ type, object })));
    }
  }
  return found;
}

/** The member keeps its objects: they are no longer marked as managed before their templates go. */
async function revert({ controlPlane, member, io, signal }: Promotion, promoted: readonly Promoted[]): Promise<void> {
  for (const { type, template } of promoted) {
    const { namespace, name = '' } = template.metadata;
    const labels = { [managedLabel]: null, [workPermanentIdLabel]: null };
    await member.client.resource(type).patch({ namespace, name }, 'merge', { metadata: { labels } }, { signal });
    await controlPlane.client.resource(type).delete({ namespace, name }, { signal });
    io.stdout(`Dependency resource ${quoted(type)}(${shownRef(template)}) is reverted successfully\n`);
  }
}
