/** Which policies concern a request, through which bindings, with which parameters. */
import { parseApiVersion, type ResourceType } from '../../../apimachinery/group-version.ts';
import { matchesLabels } from '../../../apimachinery/label-selector.ts';
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import type {
  MatchResources,
  NamedRule,
  ParamKind,
  ParamRef,
} from '../../../kubernetes/admissionregistration/policy-types.ts';
import type { ResourceCatalog, ResourceReader } from '../../registry/resource-catalog.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { matchedType, selectorsMatch } from '../webhooks/match.ts';
import type { BoundPolicy, CompiledPolicy } from './policy-index.ts';

export interface Invocation {
  policy: CompiledPolicy;
  binding: BoundPolicy['bindings'][number];
  /** The version that the policy sees. */
  seen: ResourceType;
  params: DeepReadonly<Unstructured> | undefined;
}

/** A binding that cannot be followed: failurePolicy decides what that means. */
export interface Misconfigured {
  policy: CompiledPolicy;
  binding: BoundPolicy['bindings'][number];
  error: string;
}

type Equivalents = (type: ResourceType) => readonly ResourceType[];

export async function invocationsOf(
  candidates: readonly BoundPolicy[],
  request: AdmissionRequest,
  catalog: ResourceCatalog,
  equivalents: Equivalents,
): Promise<(Invocation | Misconfigured)[]> {
  const result: (Invocation | Misconfigured)[] = [];
  for (const { policy, bindings } of candidates) {
    const { matchConstraints, paramKind } = policy.spec;
    if (matchConstraints === undefined) continue;
    const seen = await matched(matchConstraints, request, catalog, equivalents);
    if (seen === undefined) continue;
    for (const binding of bindings) {
      const narrower = binding.spec.matchResources;
      if (narrower !== undefined && (await matched(narrower, request, catalog, equivalents)) === undefined) continue;
      const { paramRef } = binding.spec;
      if (paramKind === undefined || paramRef === undefined) {
        result.push({ policy, binding, seen, params: undefined });
        continue;
      }
      const found = await paramsOf(paramKind, paramRef, request.namespace, catalog);
      if (typeof found === 'string') result.push({ policy, binding, error: found });
      else for (const params of found) result.push({ policy, binding, seen, params });
    }
  }
  return result;
}

/** The version whose rule matched. Without rules everything does. */
async function matched(
  match: DeepReadonly<MatchResources>,
  request: AdmissionRequest,
  catalog: ResourceCatalog,
  equivalents: Equivalents,
): Promise<ResourceType | undefined> {
  const named = (rules: readonly DeepReadonly<NamedRule>[]): readonly DeepReadonly<NamedRule>[] =>
    rules.filter(({ resourceNames = [] }) => resourceNames.length === 0 || resourceNames.includes(request.name));
  const webhook = { ...match, rules: named(match.resourceRules ?? []) };
  const excluded = { ...match, rules: named(match.excludeResourceRules ?? []) };
  if (matchedType({ webhook: excluded }, request, equivalents) !== undefined) return undefined;
  const any = match.resourceRules === undefined || match.resourceRules.length === 0;
  const seen = any ? request.type : matchedType({ webhook }, request, equivalents);
  return seen !== undefined && (await selectorsMatch({ webhook }, request, catalog)) ? seen : undefined;
}

/** What the reference names; a text says why the binding cannot be followed. */
async function paramsOf(
  { apiVersion = '', kind = '' }: DeepReadonly<ParamKind>,
  ref: DeepReadonly<ParamRef>,
  requestNamespace: string,
  catalog: ResourceCatalog,
): Promise<readonly DeepReadonly<Unstructured>[] | string> {
  const { group, version } = parseApiVersion(apiVersion);
  const definition = catalog
    .list()
    .find(({ type }) => type.group === group && type.version === version && type.kind === kind);
  if (definition === undefined) return `failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`;
  const { namespaced } = definition.type;
  const namespace = namespaced ? ref.namespace || requestNamespace : undefined;
  if (namespaced && namespace === '')
    return 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources';
  if (!namespaced && ref.namespace) return 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`';
  const found = await lookUp(catalog.registryFor(definition), ref, namespace);
  if (found.length > 0) return found;
  return ref.parameterNotFoundAction === 'Allow'
    ? []
    : 'no params found for policy binding with `Deny` parameterNotFoundAction';
}

async function lookUp(
  reader: ResourceReader,
  { name, selector }: DeepReadonly<ParamRef>,
  namespace: string | undefined,
): Promise<DeepReadonly<Unstructured>[]> {
  if (name) {
    const found = await reader.get(namespace === undefined ? { name } : { namespace, name });
    return found === undefined ? [] : [found];
  }
  const all = await reader.list(namespace);
  return all.filter(({ metadata }) => matchesLabels(selector ?? {}, metadata.labels ?? {}));
}
