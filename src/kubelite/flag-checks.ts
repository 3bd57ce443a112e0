/** What the command line of kubelite may not say, found before anything is started. */
import { isIP } from 'node:net';
import { parseQuantity } from '../apimachinery/quantity.ts';
import { FlagError } from '../component/flags.ts';
import type { KubeliteOptions } from './cluster-options.ts';

interface Flags {
  readonly name: string;
  readonly 'data-dir': string;
  readonly memory: boolean;
  readonly 'bind-address': string;
  readonly 'process-home': string;
  readonly runtime: NonNullable<KubeliteOptions['runtime']>;
  readonly 'secure-port': number;
  readonly clusters: number;
  readonly nodes: number;
  readonly 'node-cpu': string;
  readonly 'node-memory': string;
  readonly 'node-pods': number;
  readonly 'pod-ready-delay': number;
  readonly 'node-monitor-grace-period': number;
  readonly 'restart-backoff-base': number;
  readonly 'restart-backoff-max': number;
}

/** `<name>-control-plane` is a host name, which has 63 characters at most. */
const longestName = 49;

/** Throws FlagError. */
export function checkFlags(flags: Flags): void {
  const refuse = (flag: keyof Flags, text: string): never => {
    throw new FlagError(`invalid argument "${flags[flag]}" for "--${flag}" flag: ${text}`);
  };
  if (flags.memory === (flags['data-dir'] !== ''))
    throw new FlagError('give either --data-dir, for a cluster that is kept, or --memory');
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(flags.name))
    refuse('name', 'use lower case letters, digits, "-" and ".", with a letter or digit at both ends');
  if (flags.name.length > longestName) refuse('name', `at most ${longestName} characters`);
  const address = flags['bind-address'];
  if (isIP(address) === 0) refuse('bind-address', `failed to parse IP: "${address}"`);
  if (flags['secure-port'] < 0 || flags['secure-port'] > 65_535) refuse('secure-port', 'must be between 0 and 65535');
  for (const flag of ['clusters', 'node-pods'] as const) if (flags[flag] < 1) refuse(flag, 'must be at least 1');
  for (const flag of [
    'nodes',
    'pod-ready-delay',
    'node-monitor-grace-period',
    'restart-backoff-base',
    'restart-backoff-max',
  ] as const)
    if (flags[flag] < 0) refuse(flag, 'must not be negative');
  for (const flag of ['node-cpu', 'node-memory'] as const) {
    try {
      parseQuantity(flags[flag]);
    } catch (error) {
      refuse(flag, (error as Error).message);
    }
  }
  if (flags.runtime !== 'simulated' && flags.memory && flags['process-home'] === '')
    throw new FlagError(`--runtime=${flags.runtime} needs a folder for its pods: give --data-dir or --process-home`);
  if (flags.clusters === 1) return;
  if (flags.runtime !== 'simulated')
    throw new FlagError(`--clusters is for simulated clusters: --runtime=${flags.runtime} runs one`);
  if (flags['secure-port'] !== 0) throw new FlagError('--secure-port is for one cluster: leave it out with --clusters');
}
