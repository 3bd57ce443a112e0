/** The certificate of the webhook server, read from a folder again when its files change. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ServingCertificate {
  readonly current: { cert: string; key: string };
  /** The new pair when the files have changed since the last look and belong together; else undefined. */
  changed(): { cert: string; key: string } | undefined;
}

/** Throws when a file cannot be read, and says which. */
export function readServingCertificate(folder: string, certName: string, keyName: string): ServingCertificate {
  const paths = [join(folder, certName), join(folder, keyName)] as const;
  const stamp = (): string => paths.map((path) => statSync(path).mtimeMs).join(' ');
  const read = () => ({ cert: readFileSync(paths[0], 'utf8'), key: readFileSync(paths[1], 'utf8') });
  let seen = stamp();
  return {
    current: read(),
    changed() {
      let now: string;
      try {
        now = stamp();
        if (now === seen) return undefined;
        const pair = read();
        seen = now;
        return pair;
      } catch {
        // In the middle of being replaced: the next look finds both.
        return undefined;
      }
    },
  };
}
