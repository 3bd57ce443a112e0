import { expect, it } from 'vitest';
import type { DaemonSet, Node, Pod } from '../../../kubernetes/types.ts';
import { daemonHashLabel, daemonSetStatus } from './daemon-set-rules.ts';

function pod(name: string, hash: string, second: number, ready: boolean): Pod {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }];
  return {
    metadata: { name, labels: { [daemonHashLabel]: hash }, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
    spec: { nodeName: 'n', containers: [] },
    status: { phase: 'Running', conditions },
  } as unknown as Pod;
}

// A surge: the new pod beside the old one.
it.each<[string, Pod[], { updated: number; ready: number }]>([
  ['before', [pod('a', 'old', 1, true)], { updated: 0, ready: 1 }],
  ['while the new pod starts', [pod('b', 'new', 2, false), pod('a', 'old', 1, true)], { updated: 0, ready: 1 }],
  ['until the old one has gone', [pod('b', 'new', 2, true), pod('a', 'old', 1, true)], { updated: 0, ready: 1 }],
  ['afterwards', [pod('b', 'new', 2, true)], { updated: 1, ready: 1 }],
])('a node counts by its older pod: %s', (_when, pods, { updated, ready }) => {
  const set = { metadata: {}, spec: {} } as DaemonSet;
  const nodes = [{ metadata: { name: 'n' } } as Node];
  const status = daemonSetStatus(set, nodes, () => ({ run: true, stay: true }), pods, 'new', 0, Date.now());
  expect([status.updatedNumberScheduled ?? 0, status.numberReady]).toEqual([updated, ready]);
});
