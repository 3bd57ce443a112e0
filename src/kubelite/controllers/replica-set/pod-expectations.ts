/**
 * Pods that a controller created or deleted and that its cache has not shown yet. Until it has, counting pods would be wrong:
 * the same pods would be made, or others deleted, a second time. Forgotten after five minutes, in case an event never comes.
 */
import type { Clock } from '../../../apimachinery/clock.ts';

const patienceMs = 5 * 60 * 1000;

export interface PodExpectations {
  created(owner: string, podUid: string): void;
  deleted(owner: string, podUid: string): void;
  /** True when the cache shows all that was done for this owner. `seen` and `gone` ask the cache. */
  satisfied(owner: string, seen: (podUid: string) => boolean, gone: (podUid: string) => boolean): boolean;
  /** The pod's creation was observed; it may have been deleted again since. */
  observed(owner: string, podUid: string): void;
  forget(owner: string): void;
}

export function createPodExpectations(clock: Clock): PodExpectations {
  interface Pending {
    creations: Map<string, number>;
    deletions: Map<string, number>;
  }
  const owners = new Map<string, Pending>();
  const pendingOf = (owner: string): Pending => {
    let pending = owners.get(owner);
    if (pending === undefined) {
      pending = { creations: new Map(), deletions: new Map() };
      owners.set(owner, pending);
    }
    return pending;
  };
  const drop = (uids: Map<string, number>, settled: (uid: string) => boolean): void => {
    for (const [uid, deadline] of uids) if (deadline <= clock.now() || settled(uid)) uids.delete(uid);
  };
  return {
    created: (owner, uid) => void pendingOf(owner).creations.set(uid, clock.now() + patienceMs),
    deleted: (owner, uid) => void pendingOf(owner).deletions.set(uid, clock.now() + patienceMs),
    satisfied(owner, seen, gone) {
      const pending = owners.get(owner);
      if (pending === undefined) return true;
      drop(pending.creations, seen);
      drop(pending.deletions, gone);
      if (pending.creations.size > 0 || pending.deletions.size > 0) return false;
      owners.delete(owner);
      return true;
    },
    observed: (owner, uid) => void owners.get(owner)?.creations.delete(uid),
    forget: (owner) => void owners.delete(owner),
  };
}
