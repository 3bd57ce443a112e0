/** Asks the estimators of many clusters at once, under one deadline. */
import { type CallOptions, type Client as GrpcClient, Metadata } from '@grpc/grpc-js';
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { ObjectReference, ResourceBindingSpec } from '../apis/work/v1alpha2/resource-binding.ts';
import type { EstimatorPool } from './connection-pool.ts';
import { estimatorService, type MethodName, type Requests, type Responses } from './protocol.ts';
import { type AssumedWorkload, assumedToWire, componentToWire, requirementsToWire } from './wire-form.ts';

type BindingSpec = DeepReadonly<ResourceBindingSpec>;

/** By cluster: the number it answered, or why there is none. */
export type Answers = ReadonlyMap<string, number | Error>;

export interface EstimatorClient {
  /** Replicas of the workload that fit beside what runs. */
  maxReplicas(clusters: readonly string[], spec: BindingSpec, assumed?: AssumedBy): Promise<Answers>;
  /** Whole sets of the workload's components that fit. */
  maxSets(clusters: readonly string[], spec: BindingSpec, assumed?: AssumedBy): Promise<Answers>;
  /** Replicas that no node has taken for `threshold` ms. */
  unschedulableReplicas(clusters: readonly string[], resource: ObjectReference, threshold: number): Promise<Answers>;
}

/** What was just given to a cluster. */
export type AssumedBy = (cluster: string) => readonly AssumedWorkload[];

/** `timeout`: of the whole round, in ms. */
export function createEstimatorClient(pool: Pick<EstimatorPool, 'get'>, timeout: number): EstimatorClient {
  const askAll = async <M extends MethodName>(
    method: M,
    clusters: readonly string[],
    resource: DeepReadonly<ObjectReference>,
    request: (cluster: string) => Requests[M],
    read: (response: Responses[M]) => number,
  ): Promise<Answers> => {
    const deadline = Date.now() + timeout;
    const metadata = new Metadata();
    metadata.set('object', `kind=${resource.kind}, name=${resource.namespace ?? ''}/${resource.name}`);
    const answers = await Promise.all(
      clusters.map(async (cluster): Promise<[string, number | Error]> => {
        const connection = pool.get(cluster);
        if (connection === undefined)
          return [cluster, new Error(`cluster ${cluster} does not exist in estimator cache`)];
        try {
          return [cluster, read(await call(connection, method, request(cluster), metadata, { deadline }))];
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          return [
            cluster,
            new Error(`gRPC request cluster(${cluster}) estimator error when calling ${method}: ${why}`, {
              cause: error,
            }),
          ];
        }
      }),
    );
    return new Map(answers);
  };
  const nothing: AssumedBy = () => [];

  return {
    maxReplicas: (clusters, spec, assumed = nothing) =>
      askAll(
        'MaxAvailableReplicas',
        clusters,
        spec.resource,
        (cluster) => {
          const request: Requests['MaxAvailableReplicas'] = {
            cluster,
            assumedWorkloads: assumed(cluster).map(assumedToWire),
          };
          if (spec.replicaRequirements !== undefined)
            request.replicaRequirements = requirementsToWire({
              namespace: spec.resource.namespace ?? '',
              ...spec.replicaRequirements,
            });
          return request;
        },
        ({ maxReplicas }) => maxReplicas,
      ),
    maxSets: (clusters, spec, assumed = nothing) =>
      askAll(
        'MaxAvailableComponentSets',
        clusters,
        spec.resource,
        (cluster) => ({
          cluster,
          namespace: spec.resource.namespace ?? '',
          components: (spec.components ?? []).map(componentToWire),
          assumedWorkloads: assumed(cluster).map(assumedToWire),
        }),
        ({ maxSets }) => maxSets,
      ),
    unschedulableReplicas: (clusters, resource, threshold) =>
      askAll(
        'GetUnschedulableReplicas',
        clusters,
        resource,
        (cluster) => ({
          cluster,
          resource: {
            apiVersion: resource.apiVersion,
            kind: resource.kind,
            namespace: resource.namespace ?? '',
            name: resource.name,
          },
          unschedulableThreshold: threshold * 1_000_000,
        }),
        ({ unschedulableReplicas }) => unschedulableReplicas,
      ),
  };
}

function call<M extends MethodName>(
  connection: GrpcClient,
  method: M,
  request: Requests[M],
  metadata: Metadata,
  options: CallOptions,
): Promise<Responses[M]> {
  const definition = estimatorService[method];
  if (definition === undefined) throw new Error(`the estimator protocol has no method ${method}`);
  return new Promise((resolve, reject) => {
    connection.makeUnaryRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      request,
      metadata,
      options,
      (error, response) => {
        if (error !== null || response === undefined) reject(error ?? new Error('no response'));
        else resolve(response as Responses[M]);
      },
    );
  });
}
