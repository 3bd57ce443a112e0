/** multicluster.x-k8s.io ServiceImport. */
import type { KindInterpreter } from './kind-interpreter.ts';

export const serviceImport: KindInterpreter = {
  /** The Service that stands for it in a cluster, and the slices of its endpoints elsewhere. */
  InterpretDependency(object) {
    const { namespace = '', name = '' } = object.metadata;
    const derived = `derived-${name}`;
    return [
      { apiVersion: 'v1', kind: 'Service', namespace, name: derived },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        namespace,
        labelSelector: { matchLabels: { 'kubernetes.io/service-name': derived } },
      },
    ];
  },
};
