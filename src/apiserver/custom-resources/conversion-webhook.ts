/**
 * Custom resources whose versions differ in more than their name: a webhook brings objects from one version to another, many
 * in one call. What it may change is the object's own content, and of metadata labels and annotations.
 */
import { randomUUID } from 'node:crypto';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { plainError } from '../../apimachinery/status-error.ts';
import type { WebhookClientConfig } from '../../kubernetes/admissionregistration/webhook-types.ts';
import type { WebhookClient } from '../admission/webhooks/webhook-client.ts';
import { labelAndAnnotationErrors } from '../registry/object-meta.ts';
import { crdName, type ReadonlyCrd } from './crd.ts';

export type ConvertObjects = NonNullable<NonNullable<ResourceDefinition['storage']>['convert']>;

/** Conversions that the server knows by itself, by the CRD's name: asked in place of that CRD's webhook. */
export type Converters = ReadonlyMap<string, (object: DeepReadonly<Unstructured>, apiVersion: string) => Unstructured>;

const timeoutSeconds = 30;
/** What goes into one call. */
const maxObjects = 1000;

/** Undefined when the versions of the CRD differ in nothing but their name. `signal`: the server stops. */
export function conversionOf(
  crd: ReadonlyCrd,
  client: WebhookClient,
  converters: Converters,
  signal: AbortSignal,
): ConvertObjects | undefined {
  const { conversion } = crd.spec;
  const config = conversion?.strategy === 'Webhook' ? conversion.webhook?.clientConfig : undefined;
  if (config === undefined) return undefined;
  const own = converters.get(crdName(crd));
  if (own !== undefined) return async (objects, apiVersion) => objects.map((object) => own(object, apiVersion));
  return async (objects, apiVersion) => {
    const result: Unstructured[] = [];
    for (let at = 0; at < objects.length; at += maxObjects)
      result.push(...(await convertSome(objects.slice(at, at + maxObjects), apiVersion, config, client, signal)));
    return result;
  };
}

async function convertSome(
  objects: readonly Unstructured[],
  apiVersion: string,
  config: DeepReadonly<WebhookClientConfig>,
  client: WebhookClient,
  signal: AbortSignal,
): Promise<Unstructured[]> {
  const others = objects.filter((object) => object.apiVersion !== apiVersion);
  const first = others[0];
  if (first === undefined) return [...objects];
  const fail = (text: string): never => {
    throw plainError(`conversion webhook for ${first.apiVersion}, Kind=${first.kind} ${text}`);
  };
  const uid = randomUUID();
  const review = {
    kind: 'ConversionReview',
    apiVersion: 'apiextensions.k8s.io/v1',
    request: { uid, desiredAPIVersion: apiVersion, objects: others },
  };
  let converted: readonly unknown[] = [];
  try {
    converted = convertedObjects(await client.post(config, review, timeoutSeconds, signal), uid);
  } catch (error) {
    fail(`failed: ${(error as Error).message}`);
  }
  if (converted.length !== others.length) fail(`returned ${converted.length} objects, expected ${others.length}`);
  let next = 0;
  return objects.map((object) => {
    if (object.apiVersion === apiVersion) return object;
    const index = next++;
    const answer = converted[index] as Unstructured;
    const wrong = mismatch(object, answer, apiVersion);
    if (wrong !== undefined) fail(`returned invalid converted object at index ${index}: ${wrong}`);
    const badMetadata = metadataMismatch(answer);
    if (badMetadata !== undefined) fail(`returned invalid metadata in object at index ${index}: ${badMetadata}`);
    return { ...answer, metadata: restoredMetadata(object, answer) };
  });
}

/** Throws an Error when the reply is no answer to the request. */
function convertedObjects(reply: unknown, uid: string): readonly unknown[] {
  const { kind, apiVersion, response } = (reply ?? {}) as Record<string, unknown>;
  if (kind !== 'ConversionReview' || apiVersion !== 'apiextensions.k8s.io/v1')
    throw new Error(
      `invalid response: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got ${String(apiVersion)}, Kind=${String(kind)}`,
    );
  if (typeof response !== 'object' || response === null) throw new Error('no response provided');
  const answer = response as {
    uid?: unknown;
    result?: { status?: unknown; message?: unknown };
    convertedObjects?: unknown;
  };
  if (answer.uid !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answer.uid ?? '')}`);
  if (answer.result?.status !== 'Success')
    throw new Error(
      answer.result?.message
        ? String(answer.result.message)
        : `response.result.status was '${String(answer.result?.status ?? '')}', expected 'Success'`,
    );
  return Array.isArray(answer.convertedObjects) ? answer.convertedObjects : [];
}

function mismatch(object: Unstructured, answer: Unstructured | null, apiVersion: string): string | undefined {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return 'must be an object';
  if (answer.apiVersion !== apiVersion)
    return `invalid groupVersion (expected ${apiVersion}, received ${String(answer.apiVersion)})`;
  const differ = (what: string, a: unknown, b: unknown): string | undefined =>
    (a ?? '') === (b ?? '') ? undefined : `must have the same ${what}: ${String(a ?? '')} != ${String(b ?? '')}`;
  const metadata = (answer.metadata ?? {}) as Partial<Unstructured['metadata']>;
  return (
    differ('kind', object.kind, answer.kind) ??
    differ('name', object.metadata.name, metadata.name) ??
    differ('namespace', object.metadata.namespace, metadata.namespace) ??
    differ('UID', object.metadata.uid, metadata.uid)
  );
}

function metadataMismatch({ metadata }: Unstructured): string | undefined {
  if (metadata === undefined) return 'missing metadata in converted object';
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return 'invalid metadata in converted object';
  for (const field of ['labels', 'annotations'] as const) {
    const values: unknown = metadata[field];
    if (values === undefined || values === null) continue;
    const isMap = typeof values === 'object' && !Array.isArray(values);
    if (!isMap || Object.values(values as object).some((value) => typeof value !== 'string'))
      return `invalid metadata.${field} in converted object: must be a map of strings`;
  }
  const [wrong] = labelAndAnnotationErrors({
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  });
  return wrong === undefined ? undefined : `${wrong.field}: ${wrong.message}`;
}

/** All of it is the original's, but labels and annotations. */
function restoredMetadata({ metadata }: Unstructured, answer: Unstructured): Unstructured['metadata'] {
  const { labels: _l, annotations: _a, ...kept } = metadata;
  const { labels, annotations } = answer.metadata;
  return { ...kept, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
}
