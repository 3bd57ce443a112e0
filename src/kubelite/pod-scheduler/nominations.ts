/** Pods that were promised a node where others make room for them: their requests count there against pods that matter less. */
import type { PodInfo } from './pod-info.ts';

export interface Nominations {
  /** Pods of at least this priority. */
  on(node: string, priority: number): readonly PodInfo[];
  all(node: string): readonly PodInfo[];
  nodeOf(uid: string): string | undefined;
  /** Takes back what was promised before. */
  nominate(info: PodInfo, node: string | undefined): void;
}

/** `changed` gets the name of each node whose promises changed. */
export function createNominations(changed: (node: string) => void): Nominations {
  const nodes = new Map<string, string>();
  const promised = new Map<string, Map<string, PodInfo>>();
  const all = (node: string): readonly PodInfo[] => [...(promised.get(node)?.values() ?? [])];
  return {
    all,
    on: (node, priority) => (promised.has(node) ? all(node).filter((info) => info.priority >= priority) : []),
    nodeOf: (uid) => nodes.get(uid),
    nominate(info, node) {
      const before = nodes.get(info.uid);
      if (before === node) return;
      if (before !== undefined) {
        const pods = promised.get(before);
        if (pods?.delete(info.uid) && pods.size === 0) promised.delete(before);
        nodes.delete(info.uid);
        changed(before);
      }
      if (node === undefined) return;
      nodes.set(info.uid, node);
      const pods = promised.get(node) ?? new Map<string, PodInfo>();
      promised.set(node, pods.set(info.uid, info));
      changed(node);
    },
  };
}
