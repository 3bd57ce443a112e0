/**
 * A process, told apart from a later one with the same pid: pids are reused, pairs of pid and start time are not.
 * Linux only: reads /proc (proc(5), field 22 of stat: start time in clock ticks after boot).
 */
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for the same process only. */
  startTime: string;
}

/** undefined when no such process runs (a zombie counts as gone). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command name may hold spaces and parentheses: fields are counted from behind the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[19];
  if (fields[0] === 'Z' || fields[0] === 'X' || startTime === undefined) return undefined;
  return { pid, startTime };
}

/** Whether that very process still runs. */
export function isRunning(process: Readonly<ProcessIdentity>): boolean {
  return identifyProcess(process.pid)?.startTime === process.startTime;
}
