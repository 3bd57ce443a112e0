/** Templates by reference: from the caches of the kinds that are watched, else live. */
import { gvkOf, type ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import { refKey } from '../apimachinery/object.ts';
import type { ObjectReference } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Client, ResourceClient } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { byClaim } from './caches.ts';
import type { ResourceKinds } from './control-plane.ts';
import type { PolicyScope } from './detector/claim.ts';
import { liveObject } from './write.ts';

export interface TemplateRef {
  apiVersion: string;
  kind: string;
  /** Empty for cluster-scoped templates. */
  namespace: string;
  name: string;
}

type Template = DeepReadonly<Unstructured>;

export interface Templates {
  /** The cached copy; undefined when it is not there or its kind is not watched (yet). O(1). */
  cached(ref: TemplateRef): Template | undefined;
  /**
   * The template as of `resourceVersion` or later: cached when the cache shows that version, else live. Undefined when there
   * is none, or when the API server does not serve the kind (any more).
   */
  get(ref: TemplateRef, resourceVersion?: string): Promise<Template | undefined>;
  /** Undefined when the API server does not serve the kind. */
  resource(ref: Pick<TemplateRef, 'apiVersion' | 'kind'>): Promise<ResourceClient<Unstructured> | undefined>;
  /** Cached templates that a policy claims. Cost: the kinds that are watched plus the size of the answer. */
  claimedBy(scope: PolicyScope, policyId: string): Template[];
  /** Makes a watched kind known. */
  watch(type: ResourceType, informer: Informer): void;
  unwatch(type: ResourceType): void;
}

export function createTemplates(client: Client, kinds: ResourceKinds): Templates {
  const informers = new Map<string, Informer>();
  const kindKey = (ref: { readonly apiVersion: string; readonly kind: string }): string =>
    `${ref.apiVersion}|${ref.kind}`;
  const typeKey = (type: ResourceType): string =>
    `${type.group === '' ? type.version : `${type.group}/${type.version}`}|${type.kind}`;
  const templates: Templates = {
    cached: (ref) => informers.get(kindKey(ref))?.get(refKey(ref)),
    async get(ref, resourceVersion) {
      const cached = templates.cached(ref);
      if (cached !== undefined && isAsNew(cached.metadata.resourceVersion, resourceVersion)) return cached;
      const resource = await templates.resource(ref);
      return resource === undefined ? undefined : await liveObject(resource, { metadata: ref });
    },
    async resource(ref) {
      const type = informers.get(kindKey(ref))?.type ?? (await kinds.find(gvkOf(ref)));
      return type === undefined ? undefined : client.resource<Unstructured>(type);
    },
    claimedBy(scope, policyId) {
      const found: Template[] = [];
      for (const informer of informers.values()) found.push(...informer.byIndex(byClaim, `${scope}/${policyId}`));
      return found;
    },
    watch: (type, informer) => void informers.set(typeKey(type), informer),
    unwatch: (type) => void informers.delete(typeKey(type)),
  };
  return templates;
}

/** Versions of one kind compare as numbers (Kubernetes 1.35 made that a rule); what is no number must be the very same. */
function isAsNew(version: string | undefined, wanted: string | undefined): boolean {
  if (wanted === undefined || version === wanted) return true;
  if (version === undefined || !decimal.test(version) || !decimal.test(wanted)) return false;
  return version.length === wanted.length ? version > wanted : version.length > wanted.length;
}

const decimal = /^[1-9]\d*$/;

/** Parts are separated by `|`; the name comes last, as it may contain one. */
export function templateKey(ref: TemplateRef): string {
  return `${ref.apiVersion}|${ref.kind}|${ref.namespace}|${ref.name}`;
}

export function refOfTemplateKey(key: string): TemplateRef {
  const [apiVersion = '', kind = '', namespace = '', ...name] = key.split('|');
  return { apiVersion, kind, namespace, name: name.join('|') };
}

export function templateRef(object: DeepReadonly<Unstructured>): TemplateRef {
  const { namespace = '', name = '' } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, namespace, name };
}

export function refOfBinding(resource: DeepReadonly<ObjectReference>): TemplateRef {
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    namespace: resource.namespace ?? '',
    name: resource.name,
  };
}
