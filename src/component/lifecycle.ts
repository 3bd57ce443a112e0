/** From start to exit: signals become an AbortSignal, whatever nobody caught is logged, and nothing outlives its parent. */
import { manyListeners } from './abort.ts';
import type { Logger } from './logging.ts';

export interface LifecycleOptions {
  logger: Logger;
  /** How long `main` may take after the first signal before the process ends anyway. Default 15 s. */
  gracePeriodMs?: number;
}

/**
 * Runs `main` and ends the process with it: 0 when it resolves, 1 when it throws. SIGTERM and SIGINT abort the signal; a
 * second one ends the process at once. With KARMADA_PARENT_PID in the environment the process ends when that parent is gone.
 */
export async function runComponent(
  main: (signal: AbortSignal) => Promise<void>,
  options: LifecycleOptions,
): Promise<never> {
  const { logger } = options;
  const controller = new AbortController();
  manyListeners(controller.signal);

  const stop = (why: string): void => {
    if (controller.signal.aborted) {
      logger.warn('Ending at once', { why });
      process.exit(1);
    }
    logger.info('Stopping', { why });
    setTimeout(() => {
      logger.error('Did not stop in time, ending', { afterMs: options.gracePeriodMs ?? 15_000 });
      process.exit(1);
    }, options.gracePeriodMs ?? 15_000).unref();
    controller.abort(new Error(`stopped: ${why}`));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // A terminal that closes or a reader that goes away must not end a component.
  process.on('SIGHUP', () => {});
  process.on('SIGPIPE', () => {});
  process.on('uncaughtException', (error) => {
    logger.error('Unhandled error', { err: error });
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    logger.error('Unhandled error', { err: error });
    process.exit(1);
  });
  watchParent(process.env['KARMADA_PARENT_PID'], () => {
    if (!controller.signal.aborted) stop('the parent process is gone');
  });

  try {
    await main(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) {
      logger.error('Failed', { err: error });
      process.exit(1);
    }
    // Asked to stop, it stopped: whatever was under way broke off, and that is worth a line at most.
    if (error !== controller.signal.reason) logger.warn('Broke off while stopping', { err: error });
  }
  logger.info('Stopped');
  process.exit(0);
}

/** The kernel gives an orphan another parent, so a changed parent id is certain, where a stored pid may be somebody else's by now. */
function watchParent(expected: string | undefined, gone: () => void): void {
  if (expected === undefined || expected === '') return;
  const parent = Number(expected);
  setInterval(() => {
    if (process.ppid !== parent) gone();
  }, 500).unref();
}
