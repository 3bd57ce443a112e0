/**
 * One active replica at a time, by a Lease (coordination.k8s.io/v1), with client-go's fields and timing: a holder renews every
 * retryPeriod and gives up when it could not for renewDeadline; others take over when they have seen no renewal for leaseDuration.
 * Only the local clock counts: what matters is how long ago a change of the Lease was seen, not the times written in it.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, formatMicroTime, systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import { cloneJson, type KubeObject } from '../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../apimachinery/status-error.ts';
import type { Client } from '../client/client.ts';
import { manyListeners, withTimeout } from '../component/abort.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { leases } from '../kubernetes/resource-types.ts';

export interface LeaderElectionOptions {
  client: Client;
  /** Name and namespace of the Lease. */
  name: string;
  namespace: string;
  /**
   * Default: KARMADA_INSTANCE, which a runtime sets that runs at most one process of that name at a time, so that a process
   * started again after a crash renews its own Lease at once; elsewhere `<hostname>_<uuid>`.
   */
  identity?: string | undefined;
  /** Milliseconds; defaults 15 s, 10 s and 2 s. */
  leaseDuration?: number | undefined;
  renewDeadline?: number | undefined;
  retryPeriod?: number | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
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

export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/**
 * Waits for leadership, runs `main`, and releases the Lease when `main` ends or the signal aborts. When leadership is lost,
 * `main`'s signal aborts and LeadershipLost is thrown: the process must end, somebody else is at work.
 */
export async function runWithLeaderElection(
  options: LeaderElectionOptions,
  main: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, clock = systemClock, retryPeriod = 2_000, renewDeadline = 10_000 } = options;
  const logger = (options.logger ?? silentLogger).child({ lease: `${namespace}/${name}` });
  const lock = createLeaseLock(options, clock);

  logger.info('Attempting to acquire leader lease');
  for (let told = false; !(await attempt(lock, logger, retryPeriod, signal)); told = true) {
    if (!told) logger.info('Waiting for the lease', { holder: lock.holder() });
    await clock.sleep(retryPeriod * (1 + Math.random() * 0.2), signal);
  }
  logger.info('Successfully acquired lease', { identity: lock.identity });

  const lost = new AbortController();
  const ended = new AbortController();
  const mainSignal = AbortSignal.any([signal, lost.signal]);
  manyListeners(mainSignal);
  const renewing = (async () => {
    const stop = AbortSignal.any([ended.signal, signal]);
    for (let renewedAt = clock.now(); ; ) {
      await clock.sleep(retryPeriod, stop);
      if (await attempt(lock, logger, retryPeriod, stop)) renewedAt = clock.now();
      else if (clock.now() - renewedAt >= renewDeadline) {
        lost.abort(
          new LeadershipLost(`the lease ${namespace}/${name} could not be renewed within ${renewDeadline} ms`),
        );
        return;
      }
    }
  })().catch((error) => {
    if (!ended.signal.aborted && !signal.aborted) lost.abort(error);
  });
  try {
    await main(mainSignal);
    if (lost.signal.aborted) throw lost.signal.reason;
  } finally {
    ended.abort();
    await renewing;
    if (!lost.signal.aborted)
      await lock.release().catch((error) => logger.warn('Failed to release the lease', { err: error }));
  }
}

async function attempt(lock: LeaseLock, logger: Logger, retryPeriod: number, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  try {
    // A server that hangs must not take away all the tries before the deadline.
    return await withTimeout(signal, Math.max(retryPeriod, 1000) * 2, (inner) => lock.acquireOrRenew(inner));
  } catch (error) {
    signal.throwIfAborted();
    logger.warn('Failed to acquire or renew the lease', { err: error });
    return false;
  }
}

function processIdentity(): string {
  return process.env['KARMADA_INSTANCE'] || `${hostname()}_${randomUUID()}`;
}

interface LeaseLock {
  readonly identity: string;
  holder(): string | undefined;
  acquireOrRenew(signal: AbortSignal): Promise<boolean>;
  release(): Promise<void>;
}

function createLeaseLock(options: LeaderElectionOptions, clock: Clock): LeaseLock {
  const { client, name, namespace, leaseDuration = 15_000, identity = processIdentity() } = options;
  const resource = client.resource<Lease>(leases satisfies ResourceType);
  let seen: Lease | undefined;
  let seenAt = 0;
  const observe = (lease: Lease): void => {
    if (lease.metadata.resourceVersion !== seen?.metadata.resourceVersion) seenAt = clock.now();
    seen = lease;
  };
  const timing = (): NonNullable<Lease['spec']> => ({
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.ceil(leaseDuration / 1000)),
    renewTime: formatMicroTime(clock.now()),
  });
  const holds = (): boolean => seen?.spec?.holderIdentity === identity;
  const renew = async (lease: Lease, signal: AbortSignal): Promise<boolean> => {
    const next = cloneJson<Lease>(lease);
    const mine = lease.spec?.holderIdentity === identity;
    next.spec = {
      ...next.spec,
      ...timing(),
      acquireTime: (mine ? lease.spec?.acquireTime : undefined) ?? formatMicroTime(clock.now()),
      leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + (mine ? 0 : 1),
    };
    observe(await resource.update(next, { signal }));
    return true;
  };
  return {
    identity,
    holder: () => seen?.spec?.holderIdentity,
    async acquireOrRenew(signal) {
      // The usual case for a holder: one write, and no read before it.
      if (holds() && seen !== undefined) {
        try {
          return await renew(seen, signal);
        } catch (error) {
          if (!isConflict(error) && !isNotFound(error)) throw error;
        }
      }
      try {
        observe(await resource.get({ namespace, name }, { signal }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const spec = { ...timing(), acquireTime: formatMicroTime(clock.now()), leaseTransitions: 0 };
        try {
          observe(
            await resource.create(
              { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec },
              { signal },
            ),
          );
          return true;
        } catch (refused) {
          if (isAlreadyExists(refused)) return false;
          throw refused;
        }
      }
      const lease = seen!;
      const holder = lease.spec?.holderIdentity;
      const duration = (lease.spec?.leaseDurationSeconds ?? leaseDuration / 1000) * 1000;
      if (holder && holder !== identity && clock.now() < seenAt + duration) return false;
      try {
        return await renew(lease, signal);
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
    async release() {
      if (!holds() || seen === undefined) return;
      const next = cloneJson<Lease>(seen);
      const now = formatMicroTime(clock.now());
      next.spec = { ...next.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      await resource.update(next, { signal: AbortSignal.timeout(5_000) });
      seen = undefined;
    },
  };
}
