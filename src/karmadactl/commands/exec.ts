import { systemClock } from '../../apimachinery/clock.ts';
import { resourcePath } from '../../apimachinery/group-version.ts';
import type { Status } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { type CommandIo, defineCommand, ExitCode, karmadaFlags, namespaceFlag } from '../command.ts';
import { readManifests } from '../manifests.ts';
import { singleScopeFlags, singleTarget, type Target } from '../member-access.ts';
import { containerOf, findPod } from '../pod-arguments.ts';

const streamFlags = {
  ...karmadaFlags,
  ...namespaceFlag,
  ...singleScopeFlags,
  container: flag.string('', 'Container name. If omitted, the default one or the first of the pod is used.', {
    shorthand: 'c',
  }),
  stdin: flag.bool(false, 'Pass stdin to the container.', { shorthand: 'i' }),
  tty: flag.bool(false, 'Stdin is a TTY.', { shorthand: 't' }),
  'pod-running-timeout': flag.duration(
    60_000,
    'The length of time (like 5s, 2m, or 3h, higher than zero) to wait until at least one pod is running.',
  ),
  quiet: flag.bool(false, 'Only print output from the remote session.', { shorthand: 'q' }),
};

export const execCommand = defineCommand({
  flags: { ...streamFlags, filename: flag.list([], 'to use to exec into the resource', { shorthand: 'f' }) },
  async run({ values, args, io, signal }) {
    const named = values.filename.length > 0 ? await wordOf(values.filename, io) : undefined;
    const [word, ...command] = named === undefined ? args : [named, ...args];
    if (word === undefined) throw new Error('pod, type/name or --filename must be specified');
    if (command.length === 0) throw new Error('you must specify at least one command for the container');
    const target = await singleTarget(values, signal);
    const timeout = values['pod-running-timeout'];
    const pod = await runningPod(target, values.namespace || target.namespace, word, timeout, signal);
    const container = chosen(pod, values.container, values.quiet, io);
    const query = queryOf({ container, stdin: values.stdin, tty: values.tty });
    for (const part of command) query.append('command', part);
    await stream(target, pod, 'exec', query, values.stdin, values.tty, io, signal);
  },
});

export const attachCommand = defineCommand({
  flags: streamFlags,
  async run({ values, args, io, signal }) {
    const [word, ...more] = args;
    if (word === undefined) throw new Error('at least 1 argument is required for attach');
    if (more.length > 0)
      throw new Error(
        `expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw ${args.length}: ${args.join(' ')}`,
      );
    const target = await singleTarget(values, signal);
    const timeout = values['pod-running-timeout'];
    const pod = await runningPod(target, values.namespace || target.namespace, word, timeout, signal);
    const container = chosen(pod, values.container, values.quiet, io);
    const query = queryOf({ container, stdin: values.stdin, tty: values.tty });
    await stream(target, pod, 'attach', query, values.stdin, values.tty, io, signal);
  },
});

/** `type/name` of the one object in the file. */
async function wordOf(files: readonly string[], io: CommandIo): Promise<string> {
  const [object, ...more] = await readManifests({ filename: files }, io);
  if (object === undefined || more.length > 0) throw new Error('--filename must name exactly one object');
  return `${object.kind.toLowerCase()}/${object.metadata.name}`;
}

/** One that is starting is waited for. */
async function runningPod(
  target: Target,
  namespace: string,
  word: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Pod> {
  if (timeoutMs <= 0) throw new Error('--pod-running-timeout must be higher than zero');
  const deadline = systemClock.now() + timeoutMs;
  for (;;) {
    const pod = await findPod(target, namespace, word, signal);
    if (pod.status?.phase !== 'Pending') return pod;
    if (systemClock.now() > deadline) throw new Error(`timed out waiting for pod ${pod.metadata.name} to run`);
    await systemClock.sleep(500, signal);
  }
}

function chosen(pod: Pod, asked: string, quiet: boolean, io: CommandIo): string {
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed')
    throw new Error(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  const containers = pod.spec?.containers ?? [];
  const container = containerOf(pod, asked);
  const marked = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (asked === '' && marked === undefined && containers.length > 1 && !quiet)
    io.stderr(`Defaulted container "${container}" out of: ${containers.map(({ name }) => name).join(', ')}\n`);
  return container;
}

function queryOf({ container, stdin, tty }: { container: string; stdin: boolean; tty: boolean }): URLSearchParams {
  const query = new URLSearchParams({ container, stdout: 'true' });
  if (stdin) query.set('stdin', 'true');
  if (tty) query.set('tty', 'true');
  else query.set('stderr', 'true');
  return query;
}

async function stream(
  target: Target,
  pod: Pod,
  subresource: 'exec' | 'attach',
  query: URLSearchParams,
  stdin: boolean,
  tty: boolean,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const { runRemotely } = await import('../remote-streams.ts');
  const ref = { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' };
  const path = `${resourcePath(pods, ref, subresource)}?${query}`;
  const terminal = stdin && tty ? (io.stdin as Partial<NodeJS.ReadStream> | undefined) : undefined;
  const raw = terminal?.isTTY === true;
  if (stdin && tty && !raw) io.stderr('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  if (raw) terminal?.setRawMode?.(true);
  let outcome: Status;
  try {
    outcome = await runRemotely({ connection: target.connection, path, stdin, io, signal });
  } finally {
    if (raw) terminal?.setRawMode?.(false);
  }
  if (outcome.status === 'Success') return;
  const code = Number(outcome.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message);
  if (!Number.isInteger(code) || code <= 0) throw new Error(outcome.message || 'the command failed');
  io.stderr(`command terminated with exit code ${code}\n`);
  throw new ExitCode(code);
}
