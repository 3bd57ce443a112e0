/**
 * The process that keeps the clusters of the local environment running: one kubelite each, started again when it dies.
 * It outlives the terminal that started it; everything below it ends with it (children watch their parent).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from '../component/process-identity.ts';
import {
  type Addresses,
  type ClusterName,
  clusterNames,
  type Environment,
  hostName,
  loadAddresses,
  pullMemberName,
} from './environment.ts';
import type { Waiter } from './waiter.ts';

export interface SupervisorRecord extends ProcessIdentity {
  /** Build of the executables it started. */
  build: string;
}

/** The supervisor that runs this environment, if one does. A record of a process that is gone is not believed. */
export function runningSupervisor(environment: Environment): SupervisorRecord | undefined {
  try {
    const record: SupervisorRecord = JSON.parse(readFileSync(environment.supervisorFile, 'utf8'));
    return isRunning(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** SIGTERM, then waits until it and all clusters below it are gone. */
export async function stopSupervisor(
  running: SupervisorRecord,
  wait: Waiter,
  detail: (text: string) => void,
): Promise<void> {
  process.kill(running.pid, 'SIGTERM');
  await wait.until(`process ${running.pid} stops`, detail, async () => {
    if (isRunning(running)) throw new Error('still running');
  });
}

export interface SupervisorOptions {
  environment: Environment;
  /** Path of the bundled kubelite. */
  kubelite: string;
  build: string;
  log(message: string): void;
  clock?: Clock;
}

/** Runs until the signal aborts; then stops all clusters (SIGTERM, and SIGKILL after 15 s). */
export async function supervise(options: SupervisorOptions, signal: AbortSignal): Promise<void> {
  const { environment } = options;
  const other = runningSupervisor(environment);
  if (other !== undefined && other.pid !== process.pid) {
    throw new Error(`the environment in ${environment.home} is already run by process ${other.pid}`);
  }
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error('the local environment needs Linux: /proc/<pid>/stat cannot be read');
  const addresses = await loadAddresses(environment);
  const record: SupervisorRecord = { ...self, build: options.build };
  mkdirSync(dirname(environment.supervisorFile), { recursive: true });
  writeFileSync(`${environment.supervisorFile}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${environment.supervisorFile}.new`, environment.supervisorFile);
  try {
    await Promise.all(clusterNames.map((name) => keepRunning(name, addresses, options, signal)));
  } finally {
    rmSync(environment.supervisorFile, { force: true });
  }
}

const firstDelay = 500;
const longestDelay = 15_000;
/** A kubelite that ran this long (ms) starts its back-off anew. */
const steady = 30_000;

async function keepRunning(
  name: ClusterName,
  addresses: Addresses,
  options: SupervisorOptions,
  signal: AbortSignal,
): Promise<void> {
  const clock = options.clock ?? systemClock;
  let delay = firstDelay;
  while (!signal.aborted) {
    const started = clock.now();
    const end = await runOnce(name, addresses, options, signal);
    if (signal.aborted) return;
    if (clock.now() - started > steady) delay = firstDelay;
    options.log(
      `cluster ${name} ended (${end}), starting it again in ${delay} ms; its log: ${options.environment.clusterLog(name)}`,
    );
    await clock.sleep(delay, signal).catch(() => undefined);
    delay = Math.min(delay * 2, longestDelay);
  }
}

function runOnce(
  name: ClusterName,
  addresses: Addresses,
  options: SupervisorOptions,
  signal: AbortSignal,
): Promise<string> {
  const log = openSync(options.environment.clusterLog(name), 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [options.kubelite, ...kubeliteFlags(name, addresses, options.environment)], {
      stdio: ['ignore', log, log],
      env: cleanEnvironment(),
    });
  } finally {
    closeSync(log);
  }
  options.log(`cluster ${name} started as process ${child.pid}`);
  return new Promise((ended) => {
    let kill: NodeJS.Timeout | undefined;
    const stop = () => {
      child.kill('SIGTERM');
      kill = setTimeout(() => child.kill('SIGKILL'), 15_000);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const finish = (how: string) => {
      signal.removeEventListener('abort', stop);
      clearTimeout(kill);
      ended(how);
    };
    child.once('error', (error) => finish(error.message));
    child.once('exit', (code, killedBy) => finish(killedBy ?? `exit code ${code}`));
  });
}

function kubeliteFlags(name: ClusterName, addresses: Addresses, environment: Environment): string[] {
  const flags = [
    `--name=${name}`,
    `--data-dir=${environment.clusterData(name)}`,
    `--kubeconfig=${environment.clusterKubeconfig(name)}`,
    `--secure-port=${addresses.ports[name]}`,
  ];
  // Pods of members are simulated and cost little: room for more than a kubelet's usual 110 a node.
  const member = [...flags, '--node-pods=1000'];
  if (name === pullMemberName)
    return [...member, '--runtime=mixed', '--restart-backoff-max=20s', `--process-pod-cidr=${addresses.agentCidr}`];
  if (name !== hostName) return member;
  return [
    ...flags,
    '--runtime=process',
    // A workbench: a component that was killed more than once must not be away for minutes.
    '--restart-backoff-max=20s',
    `--process-home=${environment.hostHome}`,
    `--pod-cidr=${addresses.podCidr}`,
    `--service-cidr=${addresses.serviceCidr}`,
  ];
}

/** What a cluster may know of the terminal it was started from: nothing but where the home is. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return {
    HOME: process.env['HOME'],
    PATH: process.env['PATH'],
    KARMADA_PARENT_PID: String(process.pid),
  };
}
