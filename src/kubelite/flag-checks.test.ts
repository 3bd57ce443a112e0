import { expect, it } from 'vitest';
import { checkFlags } from './flag-checks.ts';

const valid: Parameters<typeof checkFlags>[0] = {
  name: 'dev',
  'data-dir': '',
  memory: true,
  'bind-address': '127.0.0.1',
  'process-home': '',
  runtime: 'simulated',
  'secure-port': 0,
  clusters: 1,
  nodes: 1,
  'node-cpu': '8',
  'node-memory': '32Gi',
  'node-pods': 110,
  'pod-ready-delay': 500,
  'node-monitor-grace-period': 0,
  'restart-backoff-base': 10_000,
  'restart-backoff-max': 300_000,
};

it.each<Partial<typeof valid>>([
  {},
  { memory: false, 'data-dir': './dev' },
  { clusters: 100, nodes: 1000, 'node-cpu': '500m' },
  { nodes: 0, name: 'a.b-c' },
  { runtime: 'process', 'process-home': './home' },
])('%j is fine', (given) => expect(() => checkFlags({ ...valid, ...given })).not.toThrow());

it.each<[Partial<typeof valid>, string]>([
  [{ memory: false }, 'give either --data-dir, for a cluster that is kept, or --memory'],
  [{ 'data-dir': './dev' }, 'give either --data-dir, for a cluster that is kept, or --memory'],
  [{ name: 'Bad_Name' }, 'invalid argument "Bad_Name" for "--name" flag: use lower case letters, digits, "-" and "."'],
  [{ name: '' }, 'invalid argument "" for "--name" flag'],
  [{ name: 'x'.repeat(50) }, 'for "--name" flag: at most 49 characters'],
  [{ 'secure-port': 99_999 }, 'invalid argument "99999" for "--secure-port" flag: must be between 0 and 65535'],
  [{ clusters: 0 }, 'invalid argument "0" for "--clusters" flag: must be at least 1'],
  [{ nodes: -1 }, 'invalid argument "-1" for "--nodes" flag: must not be negative'],
  [{ 'node-pods': 0 }, 'invalid argument "0" for "--node-pods" flag: must be at least 1'],
  [{ 'restart-backoff-base': -1 }, 'invalid argument "-1" for "--restart-backoff-base" flag: must not be negative'],
  [{ 'node-cpu': 'lots' }, 'invalid argument "lots" for "--node-cpu" flag: quantities must match'],
  [{ 'bind-address': 'here' }, 'invalid argument "here" for "--bind-address" flag: failed to parse IP: "here"'],
  [{ runtime: 'process' }, '--runtime=process needs a folder for its pods: give --data-dir or --process-home'],
  [
    { clusters: 2, runtime: 'process', 'process-home': './home' },
    '--clusters is for simulated clusters: --runtime=process runs one',
  ],
  [{ clusters: 2, 'secure-port': 6443 }, '--secure-port is for one cluster: leave it out with --clusters'],
])('%j is refused', (given, message) => expect(() => checkFlags({ ...valid, ...given })).toThrow(message));
