/** Runs the controllers of a process: caches first, then, where asked, leadership, then everything at once. */
import type { InformerFactory } from '../client/informer.ts';
import { manyListeners } from '../component/abort.ts';
import type { Health } from '../component/health.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { type LeaderElectionOptions, runWithLeaderElection } from './leader-election.ts';

export interface Runnable {
  readonly name: string;
  /** Works until the signal aborts. Rejecting before that ends the whole manager. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  informers: readonly InformerFactory[];
  /** Runnables start only while this process holds the Lease. Caches are filled before, and readiness does not wait for it. */
  leaderElection?: LeaderElectionOptions | undefined;
  health?: Health | undefined;
  logger?: Logger | undefined;
}

export interface Manager {
  /** Before `run`. `everywhere`: runs without leadership, too. */
  add(runnable: Runnable, options?: { everywhere?: boolean }): void;
  /** Resolves after the signal aborted and every runnable has finished. Rejects with the first failure, or LeadershipLost. */
  run(signal: AbortSignal): Promise<void>;
}

export function createManager(options: ManagerOptions): Manager {
  const { informers, leaderElection, health, logger = silentLogger } = options;
  const leading: Runnable[] = [];
  const always: Runnable[] = [];
  let synced = false;
  health?.add('informer-sync', 'ready', () => {
    if (!synced) throw new Error('caches are not filled yet');
  });

  return {
    add(runnable, { everywhere = false } = {}) {
      (everywhere ? always : leading).push(runnable);
    },
    async run(signal) {
      const failed = new AbortController();
      const life = AbortSignal.any([signal, failed.signal]);
      const cacheLife = new AbortController();
      manyListeners(life, cacheLife.signal);
      for (const factory of informers) factory.start(cacheLife.signal);
      try {
        await Promise.all(informers.map((factory) => factory.whenSynced(life)));
        synced = true;
        logger.info('Caches are filled');
        const lead = (inner: AbortSignal): Promise<void> => runAll(leading, inner, failed, logger);
        const main = leaderElection === undefined ? lead(life) : runWithLeaderElection(leaderElection, lead, life);
        await Promise.all([main, runAll(always, life, failed, logger)]);
      } catch (error) {
        if (!signal.aborted || error !== signal.reason) {
          if (!failed.signal.aborted) failed.abort(error);
          throw error;
        }
      } finally {
        // Last: runnables read from the caches while they finish the keys in hand.
        cacheLife.abort(new Error('stopped'));
      }
      if (failed.signal.aborted) throw failed.signal.reason;
    },
  };
}

/** Resolves when all have ended; the first failure ends the others. */
async function runAll(
  runnables: readonly Runnable[],
  signal: AbortSignal,
  failed: AbortController,
  logger: Logger,
): Promise<void> {
  await Promise.all(
    runnables.map(async (runnable) => {
      try {
        await runnable.run(signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.error('A controller ended', { controller: runnable.name, err: error });
        failed.abort(error);
      }
    }),
  );
}
