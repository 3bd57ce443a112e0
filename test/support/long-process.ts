/** A process that goes on running, with its output: waited for by lines, ended by its handle. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface LongProcess {
  readonly pid: number;
  /** Of stdout and stderr, as they came. */
  readonly lines: readonly string[];
  /** The first line, past or future, that matches. Rejects with everything that was said when the process ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends the signal and waits; the exit code, or null after a signal that was not handled. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

export function startProcess(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): LongProcess {
  const child: ChildProcessWithoutNullStreams = spawn(command, args, { ...options, stdio: 'pipe' });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const wake of waiting) wake();
  };
  let over = false;
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => lines.push(error.message));
    child.once('close', (code) => {
      over = true;
      resolve(code);
      look();
    });
  });
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(text);
      look();
    });
  return {
    pid: child.pid ?? 0,
    lines,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const attempt = (): void => {
          const found = lines.map((text) => pattern.exec(text)).find((match) => match !== null);
          if (found == null && !over) return;
          waiting.delete(attempt);
          if (found == null) reject(new Error(`${command} ended: ${lines.join('\n')}`));
          else resolve(found);
        };
        waiting.add(attempt);
        attempt();
      }),
    async end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
