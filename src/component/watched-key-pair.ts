/** A certificate with its key, read from files again when they change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Logger } from './logging.ts';

interface KeyPair {
  cert: string;
  key: string;
}

export interface WatchedKeyPair {
  readonly current: KeyPair;
  /** The new pair when the files have changed since the last look and belong together; else undefined. */
  changed(): KeyPair | undefined;
  /** Looks every 2 s, and hands over what is new. Returns how to end that. */
  follow(use: (pair: KeyPair) => void, logger: Logger): () => void;
}

const lookMs = 2_000;

/** Throws when a file cannot be read, and says which. */
export function watchKeyPair(certFile: string, keyFile: string): WatchedKeyPair {
  const stamp = (): string => [certFile, keyFile].map((path) => statSync(path).mtimeMs).join(' ');
  const read = (): KeyPair => ({ cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') });
  let seen = stamp();
  const current = read();
  const changed = (): KeyPair | undefined => {
    try {
      const now = stamp();
      if (now === seen) return undefined;
      const pair = read();
      if (!new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))) return undefined;
      seen = now;
      return pair;
    } catch {
      // In the middle of being replaced: the next look finds both.
      return undefined;
    }
  };
  return {
    current,
    changed,
    follow(use, logger) {
      const looks = setInterval(() => {
        const pair = changed();
        if (pair === undefined) return;
        try {
          use(pair);
          logger.info('Took up the new certificate', { file: certFile });
        } catch (error) {
          logger.error('Kept the old certificate: the new one cannot be used', { file: certFile, err: error });
        }
      }, lookMs);
      looks.unref();
      return () => clearInterval(looks);
    },
  };
}
