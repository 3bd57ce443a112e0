/** The Node objects of a cluster: what they are made with, and their status. */
import { createHash } from 'node:crypto';
import { formatTime } from '../../apimachinery/clock.ts';
import type { Node } from '../../kubernetes/types.ts';

export interface NodeSpec {
  name: string;
  /** The first node carries the control-plane role. */
  controlPlane: boolean;
  hostIP: string;
  podCidr: string;
  cpu: string;
  memory: string;
  pods: number;
  /** `v1.36.0`. */
  version: string;
  runtimeVersion: string;
}

export function buildNode(spec: NodeSpec, now: number): Node {
  const labels: Record<string, string> = {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': spec.name,
    'kubernetes.io/os': 'linux',
  };
  if (spec.controlPlane) labels['node-role.kubernetes.io/control-plane'] = '';
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: spec.name, labels },
    spec: { podCIDR: spec.podCidr, podCIDRs: [spec.podCidr], providerID: `kubelite://${spec.name}` },
    status: nodeStatus(spec, undefined, now),
  };
}

type NodeStatus = NonNullable<Node['status']>;

/** On a Node, as a list: `memory,disk,pid`. */
export const pressureAnnotation = 'kubelite/pressure';

/** The conditions of a kubelet: what it says while all is well, and under pressure; the Event is that of the change. */
const pressures = [
  {
    name: 'memory',
    type: 'MemoryPressure',
    well: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available', 'NodeHasSufficientMemory'],
    under: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available', 'NodeHasInsufficientMemory'],
  },
  {
    name: 'disk',
    type: 'DiskPressure',
    well: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure', 'NodeHasNoDiskPressure'],
    under: ['KubeletHasDiskPressure', 'kubelet has disk pressure', 'NodeHasDiskPressure'],
  },
  {
    name: 'pid',
    type: 'PIDPressure',
    well: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available', 'NodeHasSufficientPID'],
    under: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available', 'NodeHasInsufficientPID'],
  },
] as const;

/** Reasons of Events for conditions that differ between two states of a node. */
export function pressureEvents(before: Partial<NodeStatus> | undefined, now: NodeStatus): string[] {
  const statusOf = (status: Partial<NodeStatus> | undefined, type: string) =>
    status?.conditions?.find((condition) => condition.type === type)?.status;
  return pressures.flatMap(({ type, well, under }) => {
    const [was, is] = [statusOf(before, type), statusOf(now, type)];
    return was === undefined || was === is ? [] : [(is === 'True' ? under : well)[2]];
  });
}

/** The status as it should be now. Conditions keep their transition times; only the heartbeat moves. */
export function nodeStatus(
  spec: NodeSpec,
  before: Partial<NodeStatus> | undefined,
  now: number,
  pressure = '',
): NodeStatus {
  const resources = {
    cpu: spec.cpu,
    'ephemeral-storage': '100Gi',
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: spec.memory,
    pods: String(spec.pods),
  };
  const id = createHash('sha256').update(spec.name).digest('hex');
  const uuid = `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-a${id.slice(17, 20)}-${id.slice(20, 32)}`;
  const declared = pressure.split(',').map((name) => name.trim());
  const ours = [
    ...pressures.map(({ name, type, well, under }) =>
      declared.includes(name) ? [type, 'True', under[0], under[1]] : [type, 'False', well[0], well[1]],
    ),
    ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
  ] as [type: string, status: string, reason: string, message: string][];
  const time = formatTime(now);
  const known = before?.conditions ?? [];
  const conditions = ours.map(([type, status, reason, message]) => {
    const old = known.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? time) : time;
    return { type, status, lastHeartbeatTime: time, lastTransitionTime, reason, message };
  });
  return {
    ...before,
    addresses: [
      { type: 'InternalIP', address: spec.hostIP },
      { type: 'Hostname', address: spec.name },
    ],
    allocatable: resources,
    capacity: resources,
    conditions: [...known.filter((condition) => !ours.some(([type]) => type === condition.type)), ...conditions],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      architecture: 'amd64',
      bootID: uuid,
      containerRuntimeVersion: spec.runtimeVersion,
      kernelVersion: '6.1.0',
      kubeProxyVersion: '',
      kubeletVersion: spec.version,
      machineID: id.slice(0, 32),
      operatingSystem: 'linux',
      osImage: 'kubelite',
      systemUUID: uuid,
    },
  };
}
