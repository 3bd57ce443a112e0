/** The policy that `apply -C` makes for an object. */
import { apiVersionOf, gvkOf } from '../../apimachinery/group-version.ts';
import { fnv32a, safeEncode } from '../../apimachinery/names.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { clusterPropagationPolicies, propagationPolicies } from '../../apis/resource-types.ts';

/** The policy that carries one object to these clusters, or to all. Its name is the same each time. */
export function policyFor(
  object: Unstructured,
  namespace: string | undefined,
  clusterNames: readonly string[],
): Unstructured {
  const { apiVersion, kind, metadata } = object;
  const { name = '' } = metadata;
  const type = namespace === undefined ? clusterPropagationPolicies : propagationPolicies;
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name: policyName(namespace ?? '', { apiVersion, kind }, name),
      ...(namespace === undefined ? {} : { namespace }),
    },
    spec: {
      resourceSelectors: [{ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }],
      placement: { clusterAffinity: clusterNames.length === 0 ? {} : { clusterNames: [...clusterNames] } },
    },
  } as Unstructured;
}

export function policyName(namespace: string, object: { apiVersion: string; kind: string }, name: string): string {
  const { group, version, kind } = gvkOf(object);
  const hash = fnv32a(`${namespace}${group}/${version}, Kind=${kind}`);
  return `${name.replaceAll(':', '.')}-${safeEncode(String(hash))}`.toLowerCase();
}
