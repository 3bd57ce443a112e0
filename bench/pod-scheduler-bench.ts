/** The pod scheduler's decisions alone: 10,000 pods of one Deployment on 1,000 nodes, by what the pods ask for. CPU time of this process. */
import { createClusterState } from '../src/kubelite/pod-scheduler/cluster-state.ts';
import { createNominations } from '../src/kubelite/pod-scheduler/nominations.ts';
import { createPlacer } from '../src/kubelite/pod-scheduler/placement.ts';
import { podInfo } from '../src/kubelite/pod-scheduler/pod-info.ts';
import type { Node, Pod } from '../src/kubernetes/types.ts';
import type { Row } from './row.ts';

const nodes = 1000;
const pods = 10_000;
const hostname = 'kubernetes.io/hostname';
const labelSelector = { matchLabels: { app: 'web' } };
type Spec = Partial<NonNullable<Pod['spec']>>;

const spread = (topologyKey: string, whenUnsatisfiable: string): Spec => ({
  topologySpreadConstraints: [{ topologyKey, maxSkew: 1, whenUnsatisfiable, labelSelector }],
});
const preferredApart: Spec = {
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 100, podAffinityTerm: { topologyKey: hostname, labelSelector } },
      ],
    },
  },
};

export async function benchPodScheduler(): Promise<Row[]> {
  return [
    place('requests only', {}),
    place('spread over zones, must', spread('zone', 'DoNotSchedule')),
    place('spread over nodes, should', spread(hostname, 'ScheduleAnyway')),
    place('preferred anti-affinity', preferredApart),
  ];
}

function place(name: string, spec: Spec): Row {
  const state = createClusterState();
  for (let index = 0; index < nodes; index++) state.setNode(node(index));
  const nominations = createNominations((changed) => state.touch(changed));
  const placer = createPlacer({ state, namespaceLabels: () => ({}), nominated: nominations.on });
  const before = process.cpuUsage();
  for (let index = 0; index < pods; index++) {
    const info = podInfo(pod(index, spec));
    const placement = placer.place(info);
    if (placement.node === undefined) throw new Error('a pod was not placed');
    state.assume(info, placement.node);
  }
  const { user, system } = process.cpuUsage(before);
  return { name, value: (user + system) / 1e6, unit: 's CPU', how: `${pods} decisions, ${nodes} nodes in 5 zones` };
}

const node = (index: number): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `node-${index}`, labels: { [hostname]: `node-${index}`, zone: `zone-${index % 5}` } },
  spec: {},
  status: { allocatable: { cpu: '8', memory: '32Gi', pods: '110' } },
});

const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'web', controller: true }];
const pod = (index: number, spec: Spec): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `web-${index}`,
    namespace: 'default',
    uid: `uid-${index}`,
    generation: 1,
    labels: { app: 'web' },
    ownerReferences,
  },
  spec: {
    containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: '100m', memory: '64Mi' } } }],
    ...spec,
  },
});
