/** Files that may arrive after their user: certificates, keys. Whoever starts first waits. */
import { readFile } from 'node:fs/promises';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { describeError, type Logger } from './logging.ts';

/** The file's text once it is there and not empty. Tries again after 0.2, 0.4, … 5 s, and says what it waits for. */
export function waitForContent(
  what: string,
  path: string,
  options: { logger: Logger; signal: AbortSignal; clock?: Clock },
): Promise<string> {
  return retryUntil(what, options, async () => {
    const content = await readFile(path, 'utf8');
    if (content.trim() === '') throw new Error('the file is empty');
    return content;
  });
}

/** What `attempt` gives as soon as it does not throw; in the same way. */
export async function retryUntil<T>(
  what: string,
  { logger, signal, clock = systemClock }: { logger: Logger; signal: AbortSignal; clock?: Clock },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let delay = 200; ; delay = Math.min(delay * 2, 5000)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('Waiting', { for: what, err: describeError(error) });
    }
    await clock.sleep(delay, signal);
  }
}
