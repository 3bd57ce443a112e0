/**
 * karmadactl as its user waits for it: a process of its own for each call, against a control plane and members in this process
 * (TLS, memory stores, the proxy to clusters in between). Best and median of several calls.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterRoleBindings, pods, serviceAccounts } from '../src/kubernetes/resource-types.ts';
import type { TestApiServer } from '../test/support/api-server.ts';
import { kubeconfigFor, startProxyScene } from '../test/support/proxy-scene.ts';
import { percentile, type Row } from './row.ts';

const clusterCount = 10;
const podsPerCluster = 1000;
const main = fileURLToPath(new URL('../dist/cmd/karmadactl.js', import.meta.url));

export async function benchKarmadactl(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'karmadactl-bench-'));
  const names = Array.from({ length: clusterCount }, (_, i) => `m${i}`);
  const scene = await startProxyScene(names);
  try {
    const kubeconfig = join(directory, 'config');
    await kubeconfigFor(scene, 'alice', kubeconfig);
    await scene.grant('reader', [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }], 'alice');
    await Promise.all([...scene.members.values()].map(fill));
    const bare = await times(7, ['-e', '0']);
    const help = await times(7, [main, '--help']);
    const one = await times(7, [main, 'get', 'clusters', '--kubeconfig', kubeconfig]);
    const many = await times(5, [main, 'get', 'pods', '-A', '-s', 'members', '--kubeconfig', kubeconfig], (output) => {
      const lines = output.trimEnd().split('\n').length;
      if (lines !== clusterCount * podsPerCluster + 1) throw new Error(`${lines} lines of pods`);
    });
    const all = `${clusterCount} clusters × ${podsPerCluster} pods through the proxy, servers in one other process`;
    return [
      ...rows('karmadactl --help', help, 'a process each, 7 calls'),
      ...rows('karmadactl get clusters', one, `${clusterCount} clusters, a process each, 7 calls`),
      ...rows('karmadactl get pods -A -s members', many, all),
      {
        name: 'node -e 0',
        value: percentile(bare, 50),
        unit: 'ms',
        how: 'the same machine at the same time, P50 of 7',
      },
    ];
  } finally {
    await scene.stop();
    rmSync(directory, { recursive: true });
  }
}

const rows = (name: string, values: readonly number[], how: string): Row[] => [
  { name: `${name}, best`, value: Math.min(...values), unit: 'ms', how },
  { name: `${name}, P50`, value: percentile(values, 50), unit: 'ms', how: 'of the same calls' },
];

async function fill({ client }: TestApiServer): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  await client.resource(clusterRoleBindings).create({
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'alice-admin' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup, kind: 'User', name: 'alice' }],
  } as never);
  // Without controllers nobody makes it.
  await client.resource(serviceAccounts).create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'default' },
  });
  const resource = client.resource(pods);
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let i = next++; i < podsPerCluster; i = next++)
      await resource.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `web-${i}`, namespace: 'default', labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'web', image: 'registry.example.io/team/web:1.27' }],
          automountServiceAccountToken: false,
        },
      } as never);
  };
  await Promise.all(Array.from({ length: 8 }, writer));
}

/** Milliseconds from the start of the process to its end. */
async function times(
  count: number,
  args: readonly string[],
  check: (output: string) => void = () => {},
): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const output = await run(args);
    found.push(performance.now() - start);
    check(output);
  }
  return found;
}

function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`exit code ${code}: ${errors}`))));
  });
}
