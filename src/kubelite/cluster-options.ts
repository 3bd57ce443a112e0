/** What a cluster is made of, with defaults filled in. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../apimachinery/clock.ts';
import type { Logger } from '../component/logging.ts';

export interface KubeliteOptions {
  name: string;
  /** Store, certificates and the hosts file live here. Without it everything is kept in memory. */
  dataDir?: string | undefined;
  /** The administrator's kubeconfig is written to this file. */
  kubeconfig?: string | undefined;
  /** Default 127.0.0.1. */
  bindAddress?: string | undefined;
  /** 0 (the default) picks a free port and keeps it across restarts. */
  securePort?: number | undefined;
  /** Further names and addresses of the serving certificate. */
  tlsSans?: readonly string[] | undefined;
  /** `mixed`: this project's own components are processes, all other pods are simulated. */
  runtime?: 'simulated' | 'process' | 'mixed' | undefined;
  /** Folder of process pods; hostPath volumes must lie in it. Default `<dataDir>/process`. */
  processHome?: string | undefined;
  /** Folder of the executables' scripts. Default: found upwards from the running bundle. */
  executables?: string | undefined;
  podCidr?: string | undefined;
  /** With the runtime `mixed`: addresses of the pods that are processes. Default: a part of 127.0.0.0/8. */
  processPodCidr?: string | undefined;
  serviceCidr?: string | undefined;
  nodes?: number | undefined;
  nodeCpu?: string | undefined;
  nodeMemory?: string | undefined;
  nodePods?: number | undefined;
  /** Simulated pods become Running and Ready after this time (ms). Default 500. */
  podReadyDelayMs?: number | undefined;
  /** Back-off of restarting containers. Defaults 10 s and 5 min. */
  restartBackoff?: { baseMs: number; maxMs: number } | undefined;
  /** A node whose Lease is not renewed for so long (ms) counts as lost. Default 50 s, more with many nodes. */
  nodeMonitorGraceMs?: number | undefined;
  /** Nodes of all clusters in this process. Default: those of this cluster. */
  nodesOfProcess?: number | undefined;
  /** How often HorizontalPodAutoscalers are looked at (ms). Default 15 s. */
  autoscalerPeriodMs?: number | undefined;
  /** As of kube-controller-manager's --controllers: `*`, `name`, `-name`. Default `*`. */
  controllers?: readonly string[] | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

/** kubectl, pods and this process name the same version. */
export const kubernetesVersion = 'v1.36.0';

/**
 * Address ranges where none are given. Process pods and their Services are reached over the loopback interface, so each data
 * directory gets a part of 127.0.0.0/8 of its own.
 */
export function defaultRanges(options: KubeliteOptions): { podCidr: string; serviceCidr: string } {
  // A /16 has room for 256 nodes of the usual size.
  const many = (options.nodes ?? 1) * Math.ceil((options.nodePods ?? 110) / 126) > 256;
  const podCidr = many ? '10.128.0.0/9' : '10.244.0.0/16';
  if (options.runtime !== 'process') return { podCidr, serviceCidr: '10.13.0.0/16' };
  const block = loopbackBlock(options);
  return { podCidr: `${block}.0.0/17`, serviceCidr: `${block}.128.0/17` };
}

/** Where the pods are that are processes of this host. */
export const processRange = (options: KubeliteOptions): string =>
  options.processPodCidr ?? `${loopbackBlock(options)}.0.0/17`;

function loopbackBlock(options: KubeliteOptions): string {
  const hash = createHash('sha256')
    .update(options.dataDir ?? options.processHome ?? options.name)
    .digest();
  return `127.${16 + ((hash[0] ?? 0) % 224)}`;
}

/** LoadBalancers and Ingresses of a cluster have addresses in 172.19.<n>.0/24, where n comes from the cluster's name. */
export function loadBalancerPrefix(cluster: string): string {
  return `172.19.${createHash('sha256').update(cluster).digest()[0] ?? 0}`;
}

/** The first node is named as kind names it. */
export function nodeName(cluster: string, index: number): string {
  if (index === 0) return `${cluster}-control-plane`;
  return index === 1 ? `${cluster}-worker` : `${cluster}-worker${index}`;
}

/** Folder of process pods. */
export const processHome = (options: KubeliteOptions): string => {
  if (options.processHome !== undefined) return options.processHome;
  if (options.dataDir === undefined) throw new Error('the process runtime needs a data directory or a process home');
  return join(options.dataDir, 'process');
};

export const hostsFile = (options: KubeliteOptions): string => join(options.dataDir ?? processHome(options), 'hosts');
