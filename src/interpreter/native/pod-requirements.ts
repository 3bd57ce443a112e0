/** What one Pod of a template needs of a cluster: nodes it may run on, and resources. */

import { cloneJson } from '../../apimachinery/object.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  type Quantity,
  tryParseQuantity,
} from '../../apimachinery/quantity.ts';
import type { NodeClaim, ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import { type Fields, fieldsAt, listAt } from './kind-interpreter.ts';

/** Undefined when the template asks for nothing. */
export function podRequirements(template: Fields | undefined): ReplicaRequirements | undefined {
  const spec = fieldsAt(template, 'spec');
  if (spec === undefined) return undefined;
  const requirements: ReplicaRequirements = {};
  const claim = nodeClaim(spec);
  if (claim !== undefined) requirements.nodeClaim = claim;
  const request = resourceRequest(spec);
  if (Object.keys(request).length > 0) requirements.resourceRequest = request;
  return Object.keys(requirements).length === 0 ? undefined : requirements;
}

function nodeClaim(spec: Fields): NodeClaim | undefined {
  const claim: NodeClaim = {};
  const selector = fieldsAt(spec, 'nodeSelector');
  if (selector !== undefined && Object.keys(selector).length > 0)
    claim.nodeSelector = cloneJson(selector) as Record<string, string>;
  const tolerations = listAt(spec, 'tolerations');
  if (tolerations.length > 0)
    claim.tolerations = cloneJson(tolerations) as unknown as NonNullable<NodeClaim['tolerations']>;
  const affinity = fieldsAt(spec, 'affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
  if (affinity !== undefined)
    claim.hardNodeAffinity = cloneJson(affinity) as unknown as NonNullable<NodeClaim['hardNodeAffinity']>;
  return Object.keys(claim).length === 0 ? undefined : claim;
}

/** Containers together, but at least what the hungriest init container needs; plus the overhead of the runtime. */
function resourceRequest(spec: Fields): Record<string, string> {
  const total = new Map<string, Quantity>();
  for (const container of listAt(spec, 'containers')) {
    for (const [name, amount] of requestsOf(container)) {
      const sum = total.get(name);
      total.set(name, sum === undefined ? amount : addQuantities(sum, amount));
    }
  }
  for (const container of listAt(spec, 'initContainers')) {
    for (const [name, amount] of requestsOf(container)) {
      const sum = total.get(name);
      if (sum === undefined || compareQuantities(amount, sum) > 0) total.set(name, amount);
    }
  }
  for (const [name, amount] of quantitiesOf(fieldsAt(spec, 'overhead'))) {
    const sum = total.get(name);
    total.set(name, sum === undefined ? amount : addQuantities(sum, amount));
  }
  const request: Record<string, string> = {};
  for (const [name, amount] of total) if (amount.nano !== 0n && isCounted(name)) request[name] = formatQuantity(amount);
  return request;
}

/** A limit stands in for a request that is not given. */
function requestsOf(container: Fields): Map<string, Quantity> {
  const amounts = quantitiesOf(fieldsAt(container, 'resources', 'limits'));
  for (const [name, amount] of quantitiesOf(fieldsAt(container, 'resources', 'requests'))) amounts.set(name, amount);
  return amounts;
}

function quantitiesOf(list: Fields | undefined): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const amount = tryParseQuantity(text);
    if (amount !== undefined) amounts.set(name, amount);
  }
  return amounts;
}

/** The standard resources and what Kubernetes calls scalar ones: extended, huge pages, attachable volumes. */
function isCounted(name: string): boolean {
  if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name === 'pods') return true;
  if (name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')) return true;
  return name.includes('/') && !name.startsWith('requests.');
}
