/** Which processes run, recorded on disk, so that those that outlive a crash are ended before anything is started again. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../apimachinery/clock.ts';
import { isRunning, type ProcessIdentity } from '../../component/process-identity.ts';

const termGraceMs = 5000;
const pollMs = 50;

export function recordProcesses(file: string, processes: readonly ProcessIdentity[]): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(processes), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Ends the recorded processes that still run: SIGTERM, then SIGKILL. A pid counts only with its start time. */
export async function endLeftovers(file: string, clock: Clock): Promise<number> {
  const recorded = readRecorded(file).filter(isRunning);
  const signal = (name: 'SIGTERM' | 'SIGKILL'): void => {
    for (const process_ of recorded) {
      if (!isRunning(process_)) continue;
      try {
        process.kill(process_.pid, name);
      } catch {
        // Ended meanwhile.
      }
    }
  };
  signal('SIGTERM');
  for (let waited = 0; recorded.some(isRunning) && waited < termGraceMs; waited += pollMs) await clock.sleep(pollMs);
  signal('SIGKILL');
  for (let waited = 0; recorded.some(isRunning) && waited < termGraceMs; waited += pollMs) await clock.sleep(pollMs);
  return recorded.length;
}

function readRecorded(file: string): ProcessIdentity[] {
  if (!existsSync(file)) return [];
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!Array.isArray(parsed)) return [];
    return parsed.filter(
      (entry): entry is ProcessIdentity =>
        Number.isInteger(entry?.pid) && entry.pid > 1 && typeof entry.startTime === 'string',
    );
  } catch {
    // Half-written by a crash: then nothing had been started under it.
    return [];
  }
}
