/**
 * Commands in a container that is a process of this host. What it may run stands on a fixed list, for whoever calls as for the
 * pod: this project's own executables, started as the container's own process is (same folder, environment and arguments'
 * paths), and the small set of commands of simulated containers, which here show the environment and the real files of the
 * volumes. Nothing else of the host can be run, and nothing be written.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Clock } from '../../apimachinery/clock.ts';
import { type Mount, rewriteArgument } from './command-line.ts';
import { executableOf } from './executables.ts';
import type { Launch } from './process-container.ts';
import type { Content } from './references.ts';
import type { ExecStreams } from './runtime.ts';
import { createShellFiles, FileError } from './streaming/simulated-files.ts';
import { runCommand } from './streaming/simulated-shell.ts';

export interface ExecPlace {
  /** How the container's own process is started. */
  launch: Launch;
  mounts: readonly Mount[];
  /** Folder of the executables' scripts. */
  executables: string;
  hostname: string;
  /** What lies under `/` outside of volumes. */
  root: Content;
  clock: Clock;
}

/** Resolves with the exit code. */
export function execInProcessPod(command: readonly string[], place: ExecPlace, streams: ExecStreams): Promise<number> {
  const { launch, mounts, hostname, clock } = place;
  // A second process of the container is no restart of the first: it does not wait for it to end.
  const { KARMADA_INSTANCE: _, ...environment } = launch.environment;
  const executable = executableOf({ name: '', command: [...command] });
  if (executable !== undefined) {
    const script = join(place.executables, `${executable.name}.js`);
    const args = executable.args.map((argument) => rewriteArgument(argument, mounts));
    return run([...executable.nodeFlags, script, ...args], { cwd: launch.directory, env: environment }, streams);
  }
  const layers = mounts.map(({ mountPath, directory }) => ({
    root: mountPath.replace(/\/+$/, '') || '/',
    subPath: '',
    base: contentOf(directory),
  }));
  const files = createShellFiles([{ root: '/', subPath: '', base: place.root }, ...layers], () => 0);
  const world = { environment: new Map(Object.entries(environment)), hostname, files, clock };
  return runCommand(command, world, streams);
}

function run(
  args: string[],
  where: { cwd: string; env: Record<string, string> },
  streams: ExecStreams,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { ...where, stdio: 'pipe', shell: false });
    const end = (): void => void child.kill('SIGKILL');
    streams.signal.addEventListener('abort', end, { once: true });
    if (streams.signal.aborted) end();
    const forward = async (from: NodeJS.ReadableStream, to: ExecStreams['stdout']): Promise<void> => {
      for await (const chunk of from) await to(chunk as Buffer);
    };
    const feed = async (): Promise<void> => {
      for await (const chunk of streams.stdin)
        if (!child.stdin.write(chunk)) await new Promise((done) => child.stdin.once('drain', done));
      child.stdin.end();
    };
    child.stdin.on('error', () => {
      // It reads no further.
    });
    feed().catch(end);
    const output = Promise.all([forward(child.stdout, streams.stdout), forward(child.stderr, streams.stderr)]).catch(
      end,
    );
    child.once('error', reject);
    child.once('close', (code, signal) => {
      streams.signal.removeEventListener('abort', end);
      void output.then(() => resolve(code ?? (signal === 'SIGKILL' ? 137 : 128)));
    });
  });
}

/** Larger files are not read into memory for somebody who looks. */
const maxFileBytes = 16 * 1024 * 1024;

/** A folder, or a single file, of the host as it is at each look. Links that lead out of it are not followed. */
function contentOf(directory: string): Content {
  const real = (key: string): string | undefined => {
    try {
      const root = realpathSync(directory);
      const path = realpathSync(key === '' ? root : join(root, key));
      const way = relative(root, path);
      return way === '..' || way.startsWith(`..${sep}`) || !statSync(path).isFile() ? undefined : path;
    } catch {
      return undefined;
    }
  };
  const keys = function* (): MapIterator<string> {
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return void (yield '');
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) yield relative(directory, join(entry.parentPath, entry.name));
  };
  const get = (key: string): Buffer | undefined => {
    const path = real(key);
    if (path === undefined) return undefined;
    if (statSync(path).size > maxFileBytes) throw new FileError('File too large');
    return readFileSync(path);
  };
  return { keys, get, has: (key: string) => real(key) !== undefined } as unknown as Content;
}
