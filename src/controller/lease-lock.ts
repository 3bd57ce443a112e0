/** The Lease that replicas compete for (coordination.k8s.io/v1), with client-go's fields. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, formatMicroTime } from '../apimachinery/clock.ts';
import { cloneJson, type KubeObject } from '../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../apimachinery/status-error.ts';
import type { Client } from '../client/client.ts';
import { leases } from '../kubernetes/resource-types.ts';

export interface LeaseLockOptions {
  client: Client;
  /** Name and namespace of the Lease. */
  name: string;
  namespace: string;
  /**
   * Default: KARMADA_INSTANCE, which a runtime sets that runs at most one process of that name at a time, so that a process
   * started again after a crash renews its own Lease at once; elsewhere `<hostname>_<uuid>`.
   */
  identity?: string | undefined;
  /** Milliseconds. */
  leaseDuration: number;
  clock: Clock;
}

export interface LeaseLock {
  readonly identity: string;
  holder(): string | undefined;
  /** Whether the Lease is this replica's now. Throws when the server cannot be asked. */
  acquireOrRenew(signal: AbortSignal): Promise<boolean>;
  /** Gives the Lease up, if this replica holds it. */
  release(signal: AbortSignal): Promise<void>;
  /** Tells whenever the Lease is given up or deleted, until the watch ends; rejects when it cannot be watched. */
  watchReleases(released: () => void, signal: AbortSignal): Promise<void>;
}

interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export function createLeaseLock(options: LeaseLockOptions): LeaseLock {
  const { client, name, namespace, leaseDuration, clock, identity = processIdentity() } = options;
  const resource = client.resource<Lease>(leases);
  let seen: Lease | undefined;
  /** Whether nothing was seen to change for the duration that the holder asked for. By a timer: the wall clock may be set. */
  let expired = false;
  let expiry: { cancel(): void } | undefined;
  const observe = (lease: Lease): void => {
    if (lease.metadata.resourceVersion !== seen?.metadata.resourceVersion) {
      expired = false;
      expiry?.cancel();
      expiry = clock.setTimeout(
        () => {
          expired = true;
        },
        (lease.spec?.leaseDurationSeconds ?? leaseDuration / 1000) * 1000,
      );
    }
    seen = lease;
  };
  const timing = (): NonNullable<Lease['spec']> => ({
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.ceil(leaseDuration / 1000)),
    renewTime: formatMicroTime(clock.now()),
  });
  const holds = (): boolean => seen?.spec?.holderIdentity === identity;
  const take = async (lease: Lease, signal: AbortSignal): Promise<boolean> => {
    const next = cloneJson<Lease>(lease);
    const mine = lease.spec?.holderIdentity === identity;
    next.spec = {
      ...next.spec,
      ...timing(),
      acquireTime: (mine ? lease.spec?.acquireTime : undefined) ?? formatMicroTime(clock.now()),
      leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + (mine ? 0 : 1),
    };
    try {
      observe(await resource.update(next, { signal }));
      return true;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return false;
      throw error;
    }
  };
  const create = async (signal: AbortSignal): Promise<boolean> => {
    const spec = { ...timing(), acquireTime: formatMicroTime(clock.now()), leaseTransitions: 0 };
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec };
    try {
      observe(await resource.create(lease, { signal }));
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  };
  return {
    identity,
    holder: () => seen?.spec?.holderIdentity,
    async acquireOrRenew(signal) {
      // The usual case for a holder: one write, and no read before it.
      if (holds() && seen !== undefined && (await take(seen, signal))) return true;
      try {
        observe(await resource.get({ namespace, name }, { signal }));
      } catch (error) {
        if (isNotFound(error)) return await create(signal);
        throw error;
      }
      if (seen === undefined || (seen.spec?.holderIdentity && !holds() && !expired)) return false;
      return await take(seen, signal);
    },
    async release(signal) {
      expiry?.cancel();
      // A renewal that broke off may have been stored all the same: then the newest is read once.
      for (const fresh of [false, true]) {
        if (!holds() || seen === undefined) return;
        const next = cloneJson<Lease>(fresh ? await resource.get({ namespace, name }, { signal }) : seen);
        if (next.spec?.holderIdentity !== identity) return;
        const now = formatMicroTime(clock.now());
        next.spec = { ...next.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
        try {
          seen = await resource.update(next, { signal });
          return;
        } catch (error) {
          if (fresh || !isConflict(error)) throw error;
        }
      }
    },
    async watchReleases(released, signal) {
      const watch = resource.watch({ namespace, fieldSelector: `metadata.name=${name}`, signal });
      for await (const event of watch) {
        const changed = event.type === 'ADDED' || event.type === 'MODIFIED';
        if (event.type === 'DELETED' || (changed && !event.object.spec?.holderIdentity)) released();
      }
    },
  };
}

function processIdentity(): string {
  return process.env['KARMADA_INSTANCE'] || `${hostname()}_${randomUUID()}`;
}
