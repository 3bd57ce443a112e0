/** GET and LIST of kinds that are computed when they are asked for and never stored: PodMetrics, NodeMetrics. */
import { matchesFields, parseFieldSelector } from '../../apimachinery/field-selector.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { matchesRequirements, parseLabelSelector } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { methodNotAllowed, notFound } from '../../apimachinery/status-error.ts';
import { type Encoding, encodeValue, represent } from '../encoding.ts';
import { negotiateOutput } from '../negotiation.ts';
import { partialObjectMetadata, toTable } from '../printing/table.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { RequestInfo } from '../request-info.ts';

/** A kind with the verbs get and list only. */
export interface ComputedResource {
  definition: ResourceDefinition;
  get(reference: { namespace: string; name: string }): Promise<Unstructured | undefined>;
  /** `namespace` is empty for all namespaces, and for cluster-scoped kinds. */
  list(namespace: string): Promise<readonly Unstructured[]>;
}

/** Throws 404 and 405, and 400 for selectors that cannot be parsed. */
export async function readComputed(
  { definition, ...resource }: ComputedResource,
  request: ApiRequest,
  info: RequestInfo,
  now: number,
): Promise<ApiResponse> {
  const { type } = definition;
  if (info.subresource !== '') throw notFound(type, info.name);
  const format = negotiateOutput(request);
  const encoding: Encoding = { format, definition, includeObject: 'Metadata', now };
  if (info.verb === 'get') {
    const found = await resource.get({ namespace: info.namespace, name: info.name });
    if (found === undefined) throw notFound(type, info.name);
    return encodeValue(format, 200, represent(encoding, found));
  }
  if (info.verb !== 'list') throw methodNotAllowed();
  const matches = selectorOf(info);
  const items = (await resource.list(info.namespace)).filter(matches);
  if (format.as === 'Table')
    return encodeValue(
      format,
      200,
      toTable(definition, items, {}, { apiVersion: format.tableVersion, includeObject: 'Metadata', now }),
    );
  if (format.as === 'PartialObjectMetadata') {
    const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: {} };
    return encodeValue(format, 200, { ...list, items: items.map(partialObjectMetadata) });
  }
  return encodeValue(format, 200, { kind: definition.listKind, apiVersion: apiVersionOf(type), metadata: {}, items });
}

function selectorOf(info: RequestInfo): (object: DeepReadonly<Unstructured>) => boolean {
  const labels = info.labelSelector ? parseLabelSelector(info.labelSelector) : [];
  const fields = info.fieldSelector ? parseFieldSelector(info.fieldSelector) : [];
  return ({ metadata }) =>
    matchesRequirements(labels, metadata.labels) &&
    matchesFields(fields, (field) => {
      if (field === 'metadata.name') return metadata.name ?? '';
      return field === 'metadata.namespace' ? (metadata.namespace ?? '') : '';
    });
}
