/** Upstream's estimator protocol: names and field numbers are what both sides must agree on. */
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import type { INamespace } from 'protobufjs';

const root = 'github.com.karmada_io.karmada.pkg.estimator';
const message = (name: string): string => `.${root}.pb.${name}`;

type Fields = Readonly<Record<string, object>>;
const single = (id: number, type: string) => ({ id, type });
const several = (id: number, type: string) => ({ id, type, rule: 'repeated' });
const bytesByName = (id: number) => ({ id, keyType: 'string', type: 'bytes' });

const messages: Readonly<Record<string, Fields>> = {
  MaxAvailableReplicasRequest: {
    cluster: single(1, 'string'),
    replicaRequirements: single(2, 'ReplicaRequirements'),
    assumedWorkloads: several(3, 'AssumedWorkload'),
  },
  MaxAvailableReplicasResponse: { maxReplicas: single(1, 'int32') },
  ReplicaRequirements: {
    nodeClaim: single(1, 'NodeClaim'),
    namespace: single(3, 'string'),
    priorityClassName: single(4, 'string'),
    resourceRequestBytes: bytesByName(5),
  },
  NodeClaim: {
    nodeSelector: { id: 2, keyType: 'string', type: 'string' },
    nodeAffinityBytes: single(4, 'bytes'),
    tolerationsBytes: several(5, 'bytes'),
  },
  MaxAvailableComponentSetsRequest: {
    cluster: single(1, 'string'),
    components: several(2, 'Component'),
    namespace: single(3, 'string'),
    assumedWorkloads: several(4, 'AssumedWorkload'),
  },
  MaxAvailableComponentSetsResponse: { maxSets: single(1, 'int32') },
  Component: {
    name: single(1, 'string'),
    replicaRequirements: single(2, 'ComponentReplicaRequirements'),
    replicas: single(3, 'int32'),
  },
  ComponentReplicaRequirements: {
    nodeClaim: single(1, 'NodeClaim'),
    priorityClassName: single(3, 'string'),
    resourceRequestBytes: bytesByName(4),
  },
  AssumedWorkload: { namespace: single(1, 'string'), components: several(2, 'Component') },
  UnschedulableReplicasRequest: {
    cluster: single(1, 'string'),
    resource: single(2, 'ObjectReference'),
    unschedulableThreshold: single(3, 'int64'),
  },
  UnschedulableReplicasResponse: { unschedulableReplicas: single(1, 'int32') },
  ObjectReference: {
    apiVersion: single(1, 'string'),
    kind: single(2, 'string'),
    namespace: single(3, 'string'),
    name: single(4, 'string'),
  },
};

const methods = {
  MaxAvailableReplicas: ['MaxAvailableReplicasRequest', 'MaxAvailableReplicasResponse'],
  MaxAvailableComponentSets: ['MaxAvailableComponentSetsRequest', 'MaxAvailableComponentSetsResponse'],
  GetUnschedulableReplicas: ['UnschedulableReplicasRequest', 'UnschedulableReplicasResponse'],
} as const;

export type MethodName = keyof typeof methods;

export interface NodeClaimMessage {
  nodeSelector?: Readonly<Record<string, string>> | undefined;
  /** core/v1 NodeSelector in Kubernetes' protobuf. */
  nodeAffinityBytes?: Uint8Array | undefined;
  /** Each a core/v1 Toleration in Kubernetes' protobuf. */
  tolerationsBytes?: readonly Uint8Array[] | undefined;
}

export interface RequirementsMessage {
  nodeClaim?: NodeClaimMessage | null | undefined;
  namespace?: string | undefined;
  priorityClassName?: string | undefined;
  /** Each a Quantity in Kubernetes' protobuf. */
  resourceRequestBytes?: Readonly<Record<string, Uint8Array>> | undefined;
}

export interface ComponentMessage {
  name: string;
  replicas: number;
  replicaRequirements?: RequirementsMessage | null | undefined;
}

export interface AssumedWorkloadMessage {
  namespace: string;
  components: readonly ComponentMessage[];
}

export interface Requests {
  MaxAvailableReplicas: {
    cluster: string;
    replicaRequirements?: RequirementsMessage | null | undefined;
    assumedWorkloads: readonly AssumedWorkloadMessage[];
  };
  MaxAvailableComponentSets: {
    cluster: string;
    namespace: string;
    components: readonly ComponentMessage[];
    assumedWorkloads: readonly AssumedWorkloadMessage[];
  };
  GetUnschedulableReplicas: {
    cluster: string;
    resource: { apiVersion: string; kind: string; namespace: string; name: string } | null;
    /** Nanoseconds. */
    unschedulableThreshold: number;
  };
}

export interface Responses {
  MaxAvailableReplicas: { maxReplicas: number };
  MaxAvailableComponentSets: { maxSets: number };
  GetUnschedulableReplicas: { unschedulableReplicas: number };
}

/** Methods with their paths and codecs. Absent fields decode to their zero values. */
export const estimatorService: ServiceDefinition = fromJSON(
  inNamespace(root.split('.'), {
    pb: { nested: Object.fromEntries(Object.entries(messages).map(([name, fields]) => [name, { fields }])) },
    service: {
      nested: {
        Estimator: {
          methods: Object.fromEntries(
            Object.entries(methods).map(([name, [request, response]]) => [
              name,
              { requestType: message(request), responseType: message(response) },
            ]),
          ),
        },
      },
    },
  } as unknown as Record<string, INamespace>),
  { longs: Number, defaults: true, arrays: true, objects: true },
)[`${root}.service.Estimator`] as ServiceDefinition;

function inNamespace(path: readonly string[], nested: Record<string, INamespace>): INamespace {
  return path.reduceRight<INamespace>((inner, name) => ({ nested: { [name]: inner } }), { nested });
}
