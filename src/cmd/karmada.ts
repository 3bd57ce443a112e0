/** karmada: a control plane in one process (serve/), and the local environment (src/local-up). Flags → options → run. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeFlags, FlagError, type FlagTable, type FlagValues, flag, parseFlags } from '../component/flags.ts';

const usage = `karmada runs a Karmada control plane: for a small site in one process (serve), or a whole environment to try things out in,
a host cluster with the control plane on it and three member clusters, as processes, without containers (local).

Usage:
  karmada serve [flags]
  karmada certs [flags]
  karmada local up|down|status [flags]

Commands:
  serve          API server, controllers, scheduler and admission in one process
  certs          make and list the certificates of a control plane
  local up       start the environment, or repair it; returns when all is ready
  local down     stop it and remove its data and kubeconfig entries
  local status   show what runs and whether it is ready

Examples:
  # A control plane on this machine
  karmada serve --data-dir=$HOME/karmada

  # Start, look, use
  karmada local up
  karmada local status
  kubectl --kubeconfig ~/.kube/karmada.config --context karmada-apiserver get clusters

  # Stop, keep the data for the next start
  karmada local down --keep-data

Use "karmada <command> --help" for the flags of a command.
`;

const upFlags = { timeout: flag.duration(120_000, 'how long the start may take') } satisfies FlagTable;
const downFlags = {
  'keep-data': flag.bool(false, 'stop only: the next start continues with the same objects'),
  timeout: flag.duration(60_000, 'how long stopping may take'),
} satisfies FlagTable;
const noFlags = {} satisfies FlagTable;

async function main(argv: readonly string[]): Promise<number> {
  const [group, command, ...rest] = argv;
  if (group === undefined || group === '--help' || group === '-h' || group === 'help') return print(usage);
  if (group === 'serve') return (await import('./serve/command.ts')).serveCommand(argv.slice(1));
  if (group === 'certs') return (await import('./serve/command.ts')).certsCommand(argv.slice(1));
  if (group !== 'local') throw new FlagError(`unknown command "${group}" for "karmada"`);
  switch (command) {
    case undefined:
    case '--help':
    case '-h':
      return print(usage);
    case 'up':
      return withFlags(command, upFlags, rest, up);
    case 'down':
      return withFlags(command, downFlags, rest, down);
    case 'status':
      return withFlags(command, noFlags, rest, status);
    case 'supervise':
      return withFlags(command, noFlags, rest, superviseEnvironment);
    default:
      throw new FlagError(`unknown command "${command}" for "karmada local"`);
  }
}

async function withFlags<F extends FlagTable>(
  command: string,
  flags: F,
  argv: readonly string[],
  work: (values: FlagValues<F>) => Promise<number>,
): Promise<number> {
  const parsed = parseFlags(flags, argv);
  if (parsed.help) return print(`Usage:\n  karmada local ${command} [flags]\n\nFlags:\n${describeFlags(flags)}\n`);
  if (parsed.args.length > 0) throw new FlagError(`unknown command "${parsed.args[0]}" for "karmada local ${command}"`);
  return work(parsed.values);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Changes with every build that changes anything (hack/build.ts). */
function buildId(): string {
  return JSON.parse(readFileSync(new URL('../build.json', import.meta.url), 'utf8')).id;
}

async function up(values: FlagValues<typeof upFlags>): Promise<number> {
  const [{ environmentOf }, { createProgress }, { localUp }, { nextSteps }] = await Promise.all([
    import('../local-up/environment.ts'),
    import('../local-up/progress.ts'),
    import('../local-up/up.ts'),
    import('../local-up/next-steps.ts'),
  ]);
  if (process.platform !== 'linux') throw new Error(`the local environment needs Linux, this is ${process.platform}`);
  const environment = environmentOf(process.env);
  await localUp({
    environment,
    progress: createProgress(process.stderr),
    executable: fileURLToPath(import.meta.url),
    build: buildId(),
    timeoutMs: values.timeout,
  });
  return print(nextSteps(environment, fileURLToPath(new URL('../../bin', import.meta.url))));
}

async function down(values: FlagValues<typeof downFlags>): Promise<number> {
  const [{ environmentOf }, { createProgress }, { localDown }] = await Promise.all([
    import('../local-up/environment.ts'),
    import('../local-up/progress.ts'),
    import('../local-up/down.ts'),
  ]);
  await localDown({
    environment: environmentOf(process.env),
    progress: createProgress(process.stderr),
    keepData: values['keep-data'],
    timeoutMs: values.timeout,
  });
  return 0;
}

async function status(): Promise<number> {
  const [{ environmentOf }, { localStatus }] = await Promise.all([
    import('../local-up/environment.ts'),
    import('../local-up/status.ts'),
  ]);
  const rows = await localStatus(environmentOf(process.env));
  const width = Math.max(4, ...rows.map((row) => row.what.length));
  print(`${'NAME'.padEnd(width)}   READY   DETAIL\n`);
  for (const row of rows) print(`${row.what.padEnd(width)}   ${String(row.ready).padEnd(5)}   ${row.detail}\n`);
  return rows.every((row) => row.ready) ? 0 : 1;
}

/** The detached process behind `up`; not for people. */
async function superviseEnvironment(): Promise<number> {
  const [{ environmentOf }, { supervise }, { createLogger }, { runComponent }] = await Promise.all([
    import('../local-up/environment.ts'),
    import('../local-up/supervisor.ts'),
    import('../component/logging.ts'),
    import('../component/lifecycle.ts'),
  ]);
  const logger = createLogger('supervisor');
  return runComponent(
    (signal) =>
      supervise(
        {
          environment: environmentOf(process.env),
          kubelite: fileURLToPath(new URL('./kubelite.js', import.meta.url)),
          build: buildId(),
          log: (message) => logger.info(message),
        },
        signal,
      ),
    { logger, gracePeriodMs: 30_000 },
  );
}

// Whoever reads the output may stop reading (`| head`): the work goes on, and what it would still say is lost.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: ${message}\n`);
    if (error instanceof FlagError) process.stderr.write(`See 'karmada --help' for usage.\n`);
    process.exitCode = 1;
  },
);
