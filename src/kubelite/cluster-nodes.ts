/** The nodes of a cluster: names, addresses, and how much they offer. */
import { createHash } from 'node:crypto';
import { type KubeliteOptions, kubernetesVersion, nodeName } from './cluster-options.ts';
import type { NodeSpec } from './kubelet/node-status.ts';
import { cidrSize, formatAddress, formatCidr, type parseCidr, subnet } from './kubelet/pod-addresses.ts';

export function planNodes(options: KubeliteOptions, podCidr: ReturnType<typeof parseCidr>): NodeSpec[] {
  const count = options.nodes ?? 1;
  const podsPerNode = options.nodePods ?? 110;
  // Room for twice the pods, so that addresses of deleted pods are not reused at once; never less than Kubernetes' /24.
  const bits = Math.max(podCidr.bits, Math.min(24, 32 - Math.ceil(Math.log2(podsPerNode * 2 + 3))));
  if (count * 2 ** (32 - bits) > cidrSize(podCidr))
    throw new Error(`the pod range ${formatCidr(podCidr)} has no room for ${count} nodes of ${podsPerNode} pods`);
  const block = createHash('sha256').update(options.name).digest()[0] ?? 0;
  return Array.from({ length: count }, (_, index) => ({
    name: nodeName(options.name, index),
    controlPlane: index === 0,
    hostIP:
      options.runtime === 'process' ? '127.0.0.1' : formatAddress(((172 * 256 + 18) * 256 + block) * 256 + 2 + index),
    podCidr: formatCidr(subnet(podCidr, bits, index)),
    cpu: options.nodeCpu ?? '8',
    memory: options.nodeMemory ?? '32Gi',
    pods: podsPerNode,
    version: kubernetesVersion,
    runtimeVersion: '',
  }));
}
