/**
 * The plugins MutatingAdmissionWebhook and ValidatingAdmissionWebhook.
 *
 * Mutating webhooks are called one after another; those that want it are called once more when a later one has changed the
 * object. Validating ones are called side by side. A request that no rule names costs one look into a map.
 */
import type { Clock } from '../../../apimachinery/clock.ts';
import type { ResourceType } from '../../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../../apimachinery/object.ts';
import { applyJsonPatch, parseJsonPatch } from '../../../apimachinery/patch/json.ts';
import { prune } from '../../../apimachinery/schema/prune.ts';
import { internalError } from '../../../apimachinery/status-error.ts';
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from '../../../kubernetes/resource-types.ts';
import type { Authorizer } from '../../authorization/authorizer.ts';
import { scaleOf, withScale } from '../../endpoints/scale.ts';
import { convertBetween } from '../../registry/converted-views.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';
import { resourcePrefix, storageType } from '../../registry/storage-key.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import { conditionsHold, matchedType, selectorsMatch } from './match.ts';
import { denial, reviewOf, reviewRequest, verdictOf } from './review.ts';
import { createWebhookClient } from './webhook-client.ts';
import { type IndexedWebhook, WebhookIndex } from './webhook-index.ts';

export interface WebhookAdmission {
  mutating: AdmissionPlugin;
  validating: AdmissionPlugin;
  /** Follows the configurations; once their kinds are served. */
  start(): void;
  stop(): void;
}

/** Milliseconds after a write to a configuration in which requests wait for the index to have caught up with it. */
const settling = 2000;

export function createWebhookAdmission(
  catalog: ResourceCatalog,
  clock: Clock,
  authorizer: Authorizer,
): WebhookAdmission {
  const client = createWebhookClient();
  const stopped = new AbortController();
  const equivalents = createEquivalents(catalog);
  const unfollow: (() => void)[] = [];

  /** Undefined when the webhook is not concerned. */
  async function call(indexed: IndexedWebhook, request: AdmissionRequest, isMutating: boolean) {
    const seen = matchedType(indexed, request, equivalents);
    if (seen === undefined || !(await selectorsMatch(indexed, request, catalog))) return undefined;
    const { webhook } = indexed;
    const views = viewsOf(catalog, request, seen);
    const review = reviewRequest(request, seen, {
      object: request.object === undefined ? undefined : await views.show(request.object),
      oldObject: request.oldObject === undefined ? undefined : await views.show(request.oldObject),
    });
    if (!conditionsHold(indexed, request, review, authorizer)) return undefined;
    const failed = (why: string, cause?: unknown) =>
      internalError(`failed calling webhook ${JSON.stringify(webhook.name)}: ${why}`, cause);
    try {
      const answer = await client
        .post(webhook.clientConfig, reviewOf(review), webhook.timeoutSeconds ?? 10, stopped.signal)
        .catch((error: Error) => Promise.reject(failed(`failed to call webhook: ${error.message}`, error)));
      let verdict: ReturnType<typeof verdictOf>;
      try {
        verdict = verdictOf(answer, review.uid, isMutating);
      } catch (error) {
        throw failed((error as Error).message, error);
      }
      for (const warning of verdict.warnings) request.warn(warning);
      for (const [key, value] of verdict.auditAnnotations) request.annotate?.(`${webhook.name}/${key}`, value);
      return { verdict, views };
    } catch (error) {
      if (webhook.failurePolicy === 'Ignore') return undefined;
      throw error;
    }
  }

  /** Whether the object was changed. */
  async function mutate(indexed: IndexedWebhook, request: AdmissionRequest): Promise<boolean> {
    const result = await call(indexed, request, true);
    if (result === undefined) return false;
    const { verdict, views } = result;
    const { webhook } = indexed;
    if (!verdict.allowed) throw denial(webhook.name, verdict.status);
    const { object } = request;
    if (verdict.patch === undefined) return false;
    if (object === undefined)
      throw internalError(
        `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`,
      );
    const before = cloneJson(object);
    try {
      const patched = cloneJson(applyJsonPatch(await views.show(object), parseJsonPatch(JSON.parse(verdict.patch))));
      replaceContent(object, await views.read(patched as Unstructured, object));
    } catch (error) {
      throw internalError(
        `admission webhook ${JSON.stringify(webhook.name)} sent a patch that cannot be applied: ${(error as Error).message}`,
        error,
      );
    }
    checkIdentity(webhook.name, object, before);
    return !deepEqual(object, before);
  }

  const plugin = (
    name: string,
    configurations: ResourceType,
    run: (matching: readonly IndexedWebhook[], request: AdmissionRequest) => Promise<void>,
  ) => {
    const index = new WebhookIndex();
    let settledAt = 0;
    const handles = (request: AdmissionRequest): boolean => {
      const { type } = request;
      if (type.group === configurations.group) {
        if (type.resource === configurations.resource) settledAt = clock.now() + settling;
        return false;
      }
      return index.candidates(type.resource).length > 0 || settledAt > clock.now();
    };
    const handle = async (request: AdmissionRequest): Promise<void> => {
      // Whoever has seen a configuration acknowledged relies on it: the list is as new as every acknowledged write.
      if (settledAt > clock.now()) await catalog.reader(configurations).list();
      const candidates = index.candidates(request.type.resource);
      if (candidates.length > 0) await run(candidates, request);
    };
    return { name, handles, handle, follow: () => unfollow.push(index.follow(catalog.reader(configurations))) };
  };

  const mutatingPart = plugin('MutatingAdmissionWebhook', mutatingWebhookConfigurations, async (webhooks, request) => {
    let lastChange = -1;
    for (const [i, indexed] of webhooks.entries()) if (await mutate(indexed, request)) lastChange = i;
    for (const [i, indexed] of webhooks.entries())
      if (i < lastChange && indexed.webhook.reinvocationPolicy === 'IfNeeded') await mutate(indexed, request);
  });
  const validatingPart = plugin(
    'ValidatingAdmissionWebhook',
    validatingWebhookConfigurations,
    async (webhooks, request) => {
      const results = await Promise.allSettled(
        webhooks.map(async (indexed) => {
          const result = await call(indexed, request, false);
          if (result?.verdict.allowed === false) throw denial(indexed.webhook.name, result.verdict.status);
        }),
      );
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  );
  return {
    mutating: { name: mutatingPart.name, handles: mutatingPart.handles, admit: mutatingPart.handle },
    validating: { name: validatingPart.name, handles: validatingPart.handles, validate: validatingPart.handle },
    start() {
      mutatingPart.follow();
      validatingPart.follow();
    },
    stop() {
      for (const end of unfollow.splice(0)) end();
      stopped.abort();
      client.close();
    },
  };
}

interface Views {
  /** The object as the webhook sees it. */
  show(object: DeepReadonly<Unstructured>): Promise<DeepReadonly<Unstructured>>;
  /** Back, after the webhook changed it. */
  read(seen: Unstructured, original: DeepReadonly<Unstructured>): Promise<Unstructured>;
}

/** Scale for the scale subresource; another version of the resource where a rule names only that. */
export function viewsOf(
  catalog: ResourceCatalog,
  { type, kind, subresource }: AdmissionRequest,
  seen: ResourceType,
): Views {
  const own = catalog.lookup(type.group, type.version, type.resource);
  const other = catalog.lookup(seen.group, seen.version, seen.resource);
  if (own === undefined || other === undefined || kind !== undefined)
    return { show: async (object) => object, read: async (object) => object };
  if (subresource === 'scale')
    return {
      show: async (object) => scaleOf(own, object),
      read: async (scale, original) => withScale(own, original, scale),
    };
  return {
    show: async (object) => (own === other ? object : convertBetween(object, own, other)),
    async read(object) {
      const back = own === other ? object : await convertBetween(object, other, own);
      prune(back, own.schema);
      return back;
    },
  };
}

/** The other served types of the same stored objects. Looked up again when the set of kinds changes. */
export function createEquivalents(catalog: ResourceCatalog): (type: ResourceType) => readonly ResourceType[] {
  let generation = -1;
  let byPrefix = new Map<string, ResourceType[]>();
  return (type) => {
    if (generation !== catalog.generation) {
      generation = catalog.generation;
      byPrefix = new Map();
      for (const definition of catalog.list()) {
        const prefix = resourcePrefix(storageType(definition));
        byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), definition.type]);
      }
    }
    const definition = catalog.lookup(type.group, type.version, type.resource);
    if (definition === undefined) return [];
    const all = byPrefix.get(resourcePrefix(storageType(definition))) ?? [];
    return all.filter((other) => other.version !== type.version || other.group !== type.group);
  };
}

export function replaceContent(object: Unstructured, content: Unstructured): void {
  for (const key of Object.keys(object)) delete object[key];
  Object.assign(object, content);
}

/** The object stays the one that was asked for. */
export function checkIdentity(webhook: string, object: Unstructured, before: DeepReadonly<Unstructured>): void {
  object.metadata ??= {};
  const changed =
    object.apiVersion !== before.apiVersion || object.kind !== before.kind
      ? 'apiVersion or kind'
      : (['name', 'namespace', 'uid'] as const).find(
          (field) => before.metadata[field] !== undefined && before.metadata[field] !== object.metadata[field],
        );
  if (changed !== undefined)
    throw internalError(`admission webhook ${JSON.stringify(webhook)} changed ${changed} of the object`);
}
