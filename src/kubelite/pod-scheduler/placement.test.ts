import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../kubernetes/types.ts';
import { createClusterState } from './cluster-state.ts';
import { createNominations } from './nominations.ts';
import { createPlacer } from './placement.ts';
import { podInfo } from './pod-info.ts';
import { countedText, countReasons, planPreemption } from './preemption.ts';

let made = 0;
type Spec = Partial<NonNullable<Pod['spec']>>;
interface PodOptions extends Spec {
  cpu?: string;
  labels?: Record<string, string>;
  namespace?: string;
}
function pod({ cpu, labels = { app: 'web' }, namespace = 'default', ...spec }: PodOptions = {}): Pod {
  made++;
  const resources = cpu === undefined ? {} : { requests: { cpu } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${made}`, namespace, uid: `uid-${made}`, labels, generation: 1 },
    spec: { containers: [{ name: 'main', image: 'nginx', resources }], ...spec },
  };
}
function node(name: string, zone?: string, more: { cpu?: string; spec?: Node['spec'] } = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, ...(zone === undefined ? {} : { zone }) },
    },
    spec: more.spec ?? {},
    status: { allocatable: { cpu: more.cpu ?? '2', memory: '8Gi', pods: '10' } },
  };
}

function cluster(...nodes: Node[]) {
  const state = createClusterState();
  for (const each of nodes) state.setNode(each);
  const nominations = createNominations((name) => state.touch(name));
  const namespaceLabels = (name: string) => ({ team: name });
  const placer = createPlacer({ state, namespaceLabels, nominated: nominations.on });
  return {
    state,
    nominations,
    placer,
    /** Places the pod, or tells why not. */
    put(one: Pod): string {
      const info = podInfo(one);
      const placement = placer.place(info);
      if (placement.node === undefined) return countedText(state.nodes.length, countReasons(placement.refusals));
      state.assume(info, placement.node);
      return placement.node;
    },
    preempt(one: Pod, budgets: object[] = []) {
      const info = podInfo(one);
      const placement = placer.place(info);
      if (placement.node !== undefined) return placement.node;
      const plan = planPreemption(info, {
        state,
        placer,
        refusals: placement.refusals,
        rules: [],
        budgets: () => budgets as never,
      });
      if (plan.node === undefined) return countedText(state.nodes.length, plan.reasons);
      return { node: plan.node, victims: plan.victims.map(({ pod: { metadata } }) => metadata.name) };
    },
    on(name: string, one: Pod): Pod {
      const placed = { ...one, spec: { ...one.spec, nodeName: name } } as Pod;
      state.observe(placed);
      return placed;
    },
  };
}

const anti = (topologyKey: string, more: object = {}): Spec => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey, labelSelector: { matchLabels: { app: 'web' } }, ...more },
      ],
    },
  },
});
const near = (topologyKey: string, app = 'web', more: object = {}): Spec => ({
  affinity: {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey, labelSelector: { matchLabels: { app } }, ...more },
      ],
    },
  },
});
const spread = (topologyKey: string, more: object = {}): Spec => ({
  topologySpreadConstraints: [
    {
      topologyKey,
      maxSkew: 1,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
      ...more,
    },
  ],
});

describe('a pod that fits nowhere', () => {
  it('is told what each node lacks', () => {
    const { put } = cluster(
      node('a', undefined, { cpu: '1' }),
      node('b', undefined, { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      node('c', undefined, { spec: { unschedulable: true } }),
    );
    expect(put(pod({ cpu: '3' }))).toBe(
      '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.',
    );
    expect(put(pod({ nodeSelector: { disk: 'ssd' }, tolerations: [{ operator: 'Exists' }] }))).toBe(
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    );
  });
  it('for a host port that is taken', () => {
    const { put } = cluster(node('a'));
    const ports = (hostIP?: string): Spec => ({
      containers: [
        {
          name: 'm',
          image: 'x',
          ports: [{ containerPort: 80, hostPort: 80, ...(hostIP === undefined ? {} : { hostIP }) }],
        },
      ],
    });
    expect(put(pod(ports('10.0.0.1')))).toBe('a');
    expect(put(pod(ports('10.0.0.2')))).toBe('a');
    expect(put(pod(ports()))).toContain("1 node(s) didn't have free ports for the requested pod ports");
  });
});

describe('scores', () => {
  it('prefer the node with more room, and spread the pods of one controller', () => {
    const { put } = cluster(node('a', undefined, { cpu: '2' }), node('b', undefined, { cpu: '8' }));
    expect([put(pod({ cpu: '1' })), put(pod({ cpu: '1' }))]).toEqual(['b', 'b']);
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true }];
    const owned = () => {
      const one = pod();
      return { ...one, metadata: { ...one.metadata, ownerReferences } };
    };
    expect([put(owned()), put(owned())].sort()).toEqual(['a', 'b']);
  });
  it('prefer what node affinity prefers and avoid what taints warn of', () => {
    const { put } = cluster(
      node('a', undefined, { spec: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] } }),
      node('b', 'z'),
      node('c', 'y'),
    );
    const preference = { matchExpressions: [{ key: 'zone', operator: 'In', values: ['y'] }] };
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference }] } };
    expect(put(pod({ affinity }))).toBe('c');
    expect(put(pod())).toBe('b');
  });
});

describe('pod affinity', () => {
  it('lets the first pod of a group go anywhere and keeps the others with it', () => {
    const { put } = cluster(node('a', 'x'), node('b', 'y'), node('c', 'y'));
    const first = put(pod(near('zone')));
    const zone = first === 'a' ? ['a'] : ['b', 'c'];
    for (let i = 0; i < 3; i++) expect(zone).toContain(put(pod(near('zone'))));
    expect(put(pod(near('zone', 'nobody')))).toContain("3 node(s) didn't match pod affinity rules");
  });
  it('keeps pods apart, also for those that come later without a wish of their own', () => {
    const { put } = cluster(node('a'), node('b'));
    const host = 'kubernetes.io/hostname';
    expect([put(pod(anti(host))), put(pod(anti(host)))].sort()).toEqual(['a', 'b']);
    expect(put(pod(anti(host)))).toBe("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.");
    expect(put(pod())).toBe("0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.");
    expect(put(pod({ labels: { app: 'other' } }))).toMatch(/^[ab]$/);
  });
  it('looks into the namespaces that are named or selected', () => {
    const { put } = cluster(node('a', 'x'));
    put(pod({ namespace: 'blue' }));
    expect(put(pod(near('zone', 'web', { namespaces: ['red'] })))).toContain('affinity rules');
    expect(put(pod(near('zone', 'web', { namespaces: ['blue'] })))).toBe('a');
    expect(put(pod(near('zone', 'web', { namespaceSelector: { matchLabels: { team: 'blue' } } })))).toBe('a');
  });
  it('of matchLabelKeys means pods with the same values', () => {
    const { put } = cluster(node('a'));
    const host = 'kubernetes.io/hostname';
    const of = (hash: string) => pod({ ...anti(host, { matchLabelKeys: ['hash'] }), labels: { app: 'web', hash } });
    expect(put(of('1'))).toBe('a');
    expect(put(of('2'))).toBe('a');
    expect(put(of('2'))).toContain('anti-affinity');
  });
  it('that is preferred draws pods together or apart', () => {
    const { put } = cluster(node('a', undefined, { cpu: '4' }), node('b'), node('c'));
    const prefer = (kind: 'podAffinity' | 'podAntiAffinity'): Spec => ({
      affinity: {
        [kind]: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: 'kubernetes.io/hostname',
                labelSelector: { matchLabels: { app: 'web' } },
              },
            },
          ],
        },
      },
    });
    expect(put(pod())).toBe('a');
    expect(put(pod(prefer('podAffinity')))).toBe('a');
    expect(put(pod(prefer('podAntiAffinity')))).not.toBe('a');
  });
});

describe('topology spread', () => {
  it('keeps the numbers of zones within maxSkew', () => {
    const { put } = cluster(node('a', 'x'), node('b', 'y', { cpu: '100' }));
    const places = Array.from({ length: 6 }, () => put(pod({ ...spread('zone'), cpu: '10m' })));
    expect(places.filter((name) => name === 'a')).toHaveLength(3);
  });
  it('refuses nodes without the label, and what would be too uneven', () => {
    const { put, on } = cluster(node('a', 'x'), node('b', 'y', { spec: { unschedulable: true } }), node('c'));
    on('a', pod());
    expect(put(pod(spread('zone')))).toBe(
      "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable.",
    );
    // A zone that pods cannot get to does not count when taints are honoured.
    const tainted = cluster(node('a', 'x'), node('b', 'y', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }));
    tainted.on('a', pod());
    expect(tainted.put(pod(spread('zone')))).toContain('topology spread');
    expect(tainted.put(pod(spread('zone', { nodeTaintsPolicy: 'Honor' })))).toBe('a');
  });
  it('counts missing domains as empty below minDomains', () => {
    const { put } = cluster(node('a', 'x'));
    expect(put(pod(spread('zone', { minDomains: 2 })))).toBe('a');
    expect(put(pod(spread('zone', { minDomains: 2 })))).toContain('topology spread');
  });
  it('that is only preferred never refuses', () => {
    const { put } = cluster(node('a', 'x'), node('b', 'y'));
    const places = Array.from({ length: 4 }, () => put(pod(spread('zone', { whenUnsatisfiable: 'ScheduleAnyway' }))));
    expect(places.filter((name) => name === 'a')).toHaveLength(2);
  });
});

describe('preemption', () => {
  const important = (more: PodOptions = {}) => pod({ cpu: '2', priority: 1000, labels: { app: 'vip' }, ...more });
  it('takes the least important pods, and no more than needed', () => {
    const { on, preempt } = cluster(node('a'), node('b'));
    on('a', pod({ cpu: '1', priority: 500 }));
    const cheap = on('a', pod({ cpu: '1', priority: 1 }));
    on('b', pod({ cpu: '2', priority: 600 }));
    expect(preempt(important({ cpu: '1' }))).toEqual({ node: 'a', victims: [cheap.metadata.name] });
  });
  it('leaves everything as it was when it has made its plan', () => {
    const { on, preempt, state } = cluster(node('a'));
    on('a', pod({ cpu: '2', priority: 1 }));
    preempt(important());
    expect(state.node('a')?.used.get('cpu')).toBe(2000);
  });
  it('spares pods of a PodDisruptionBudget that allows no disruption where it can', () => {
    const { on, preempt } = cluster(node('a'), node('b'));
    on('a', pod({ cpu: '2', labels: { app: 'guarded' } }));
    const free = on('b', pod({ cpu: '2', priority: 5 }));
    const budget = { spec: { selector: { matchLabels: { app: 'guarded' } } }, status: { disruptionsAllowed: 0 } };
    expect(preempt(important(), [budget])).toEqual({ node: 'b', victims: [free.metadata.name] });
  });
  it('says where it does not help', () => {
    const { on, preempt } = cluster(node('a'), node('b', undefined, { spec: { unschedulable: true } }));
    on('a', pod({ cpu: '2', priority: 2000 }));
    expect(preempt(important())).toBe(
      '0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    );
    expect(preempt(important({ cpu: '50' }))).toBe(
      '0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    );
  });
  it('keeps the place for the one it was made for', () => {
    const { put, nominations } = cluster(node('a'));
    nominations.nominate(podInfo(important()), 'a');
    expect(put(pod({ cpu: '1', priority: 3 }))).toContain('Insufficient cpu');
    expect(put(pod({ cpu: '1', priority: 5000 }))).toBe('a');
  });
});

describe('the state of nodes', () => {
  it('gives back what finished and deleted pods used, and waits for nodes that come later', () => {
    const { state, on } = cluster(node('a'));
    const one = on('a', pod({ cpu: '1' }));
    state.observe({ ...one, status: { phase: 'Succeeded' } });
    expect(state.node('a')?.used.get('cpu')).toBe(0);
    on('late', pod({ cpu: '1' }));
    state.setNode(node('late'));
    expect(state.node('late')?.used.get('cpu')).toBe(1000);
  });
});
