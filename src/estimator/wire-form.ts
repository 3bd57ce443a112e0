/** Requirements of API objects as the estimator protocol carries them, and back. */
import protobuf from 'protobufjs';
import type { DeepReadonly } from '../apimachinery/object.ts';
import { canonicalQuantity } from '../apimachinery/quantity.ts';
import type { ResourceList, Toleration } from '../apis/shared.ts';
import type { Component, NodeClaim, ReplicaRequirements } from '../apis/work/v1alpha2/resource-binding.ts';
import type { AssumedWorkloadMessage, ComponentMessage, NodeClaimMessage, RequirementsMessage } from './protocol.ts';

type NodeSelector = NonNullable<NodeClaim['hardNodeAffinity']>;

/** Replicas that were just given to a cluster and may not run there yet. */
export interface AssumedWorkload {
  namespace: string;
  components: readonly DeepReadonly<Component>[];
}

export function requirementsToWire(requirements: DeepReadonly<ReplicaRequirements>): RequirementsMessage {
  const message: RequirementsMessage = {
    resourceRequestBytes: Object.fromEntries(
      Object.entries(requirements.resourceRequest ?? {}).map(([name, text]) => [name, encodeQuantity(text)]),
    ),
  };
  if (requirements.nodeClaim !== undefined) message.nodeClaim = nodeClaimToWire(requirements.nodeClaim);
  if (requirements.namespace) message.namespace = requirements.namespace;
  if (requirements.priorityClassName) message.priorityClassName = requirements.priorityClassName;
  return message;
}

export function componentToWire({ name, replicas, replicaRequirements }: DeepReadonly<Component>): ComponentMessage {
  return replicaRequirements === undefined
    ? { name, replicas }
    : { name, replicas, replicaRequirements: requirementsToWire(replicaRequirements) };
}

export const assumedToWire = ({ namespace, components }: AssumedWorkload): AssumedWorkloadMessage => ({
  namespace,
  components: components.map(componentToWire),
});

/** Throws when bytes are not what they should be. */
export function requirementsFromWire(message: RequirementsMessage): ReplicaRequirements {
  const requirements: ReplicaRequirements = { resourceRequest: {} };
  const request: ResourceList = {};
  for (const [name, bytes] of Object.entries(message.resourceRequestBytes ?? {})) request[name] = decodeQuantity(bytes);
  requirements.resourceRequest = request;
  if (message.nodeClaim) requirements.nodeClaim = nodeClaimFromWire(message.nodeClaim);
  if (message.namespace) requirements.namespace = message.namespace;
  if (message.priorityClassName) requirements.priorityClassName = message.priorityClassName;
  return requirements;
}

export function componentFromWire({ name, replicas, replicaRequirements }: ComponentMessage): Component {
  return replicaRequirements
    ? { name, replicas, replicaRequirements: requirementsFromWire(replicaRequirements) }
    : { name, replicas };
}

export const assumedFromWire = ({ namespace, components }: AssumedWorkloadMessage): AssumedWorkload => ({
  namespace,
  components: components.map(componentFromWire),
});

function nodeClaimToWire(claim: DeepReadonly<NodeClaim>): NodeClaimMessage {
  const message: NodeClaimMessage = {
    nodeSelector: claim.nodeSelector ?? {},
    tolerationsBytes: (claim.tolerations ?? []).map((toleration) => encode(types().toleration, toleration)),
  };
  if (claim.hardNodeAffinity !== undefined)
    message.nodeAffinityBytes = encode(types().nodeSelector, claim.hardNodeAffinity);
  return message;
}

function nodeClaimFromWire(message: NodeClaimMessage): NodeClaim {
  const claim: NodeClaim = {};
  if (Object.keys(message.nodeSelector ?? {}).length > 0) claim.nodeSelector = { ...message.nodeSelector };
  if ((message.nodeAffinityBytes?.length ?? 0) > 0)
    claim.hardNodeAffinity = decode<NodeSelector>(types().nodeSelector, message.nodeAffinityBytes ?? new Uint8Array());
  const tolerations = (message.tolerationsBytes ?? []).map((bytes) => decode<Toleration>(types().toleration, bytes));
  if (tolerations.length > 0) claim.tolerations = tolerations;
  return claim;
}

/** resource.Quantity: its canonical text as field 1. */
function encodeQuantity(text: string | number): Uint8Array {
  return protobuf.Writer.create().uint32(0x0a).string(canonicalQuantity(text)).finish();
}

function decodeQuantity(bytes: Uint8Array): string {
  const reader = protobuf.Reader.create(bytes);
  let text = '0';
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) text = reader.string();
    else reader.skipType(tag & 7);
  }
  return text === '' ? '0' : text;
}

const text = (id: number) => ({ id, type: 'string' });
const list = (id: number, type: string) => ({ id, type, rule: 'repeated' });

/** core/v1, with upstream's field numbers. Made when first needed. */
function types() {
  known ??= (() => {
    const root = protobuf.Root.fromJSON({
      nested: {
        NodeSelector: { fields: { nodeSelectorTerms: list(1, 'NodeSelectorTerm') } },
        NodeSelectorTerm: {
          fields: {
            matchExpressions: list(1, 'NodeSelectorRequirement'),
            matchFields: list(2, 'NodeSelectorRequirement'),
          },
        },
        NodeSelectorRequirement: { fields: { key: text(1), operator: text(2), values: list(3, 'string') } },
        Toleration: {
          fields: {
            key: text(1),
            operator: text(2),
            value: text(3),
            effect: text(4),
            tolerationSeconds: { id: 5, type: 'int64' },
          },
        },
      },
    });
    return { nodeSelector: root.lookupType('NodeSelector'), toleration: root.lookupType('Toleration') };
  })();
  return known;
}
let known: { nodeSelector: protobuf.Type; toleration: protobuf.Type } | undefined;

const encode = (type: protobuf.Type, value: object): Uint8Array => type.encode(type.fromObject(value)).finish();

const decode = <T>(type: protobuf.Type, bytes: Uint8Array): T =>
  type.toObject(type.decode(bytes), { longs: Number, arrays: true }) as T;
