/** The encryption configuration's file, which may change while the server runs: keys are rotated so. */
import { readFile } from 'node:fs/promises';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { describeError, type Logger } from '../../component/logging.ts';
import { parseEncryptionConfiguration } from './configuration.ts';
import type { EncryptedStore } from './encrypted-store.ts';

interface ReloadOptions {
  path: string;
  /** What the store works with already. */
  text: string;
  store: Pick<EncryptedStore, 'use'>;
  logger: Logger;
  signal: AbortSignal;
  clock?: Clock;
}

const lookMs = 1_000;

/** Looks at the file every second until the signal aborts. A file that is not valid is told of once, and changes nothing. */
export async function followEncryptionFile(options: ReloadOptions): Promise<void> {
  const { path, store, logger, signal, clock = systemClock } = options;
  let last = options.text;
  for (;;) {
    try {
      await clock.sleep(lookMs, signal);
    } catch {
      return;
    }
    try {
      const text = await readFile(path, 'utf8');
      if (text === last) continue;
      last = text;
      store.use(parseEncryptionConfiguration(text));
      logger.info('Took up the changed encryption configuration', { file: path });
    } catch (error) {
      logger.error('The encryption configuration is not taken up, the one before is used', {
        file: path,
        err: describeError(error),
      });
    }
  }
}
