/** Clusters come and go by the commands of upstream's documentation, with real kubectl; one of them is pulled by its own agent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../support/kubectl.ts';
import { eventually, kubectlFor, localEnvironment, projectRoot } from '../support/local-environment.ts';

const environment = localEnvironment(inject('home'));
const { kubectl, object, raw } = kubectlFor(environment.env);
const karmada = '--context karmada-apiserver';
const controlPlane = [
  `--kubeconfig=${join(environment.home, '.kube/karmada.config')}`,
  '--karmada-context=karmada-apiserver',
];
const namespace = 'moving';
const config = (name: string) => join(environment.home, `${name}.config`);
const started: ChildProcess[] = [];

function startCluster(name: string, runtime: string): void {
  const flags = [`--name=${name}`, `--data-dir=${join(environment.home, name)}`, `--kubeconfig=${config(name)}`];
  started.push(
    spawn(process.execPath, [join(projectRoot, 'dist/cmd/kubelite.js'), ...flags, `--runtime=${runtime}`], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], HOME: environment.home },
    }),
  );
}
/** `env`: as typed in a shell of that cluster's administrator. */
const karmadactl = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, [join(projectRoot, 'dist/cmd/karmadactl.js'), ...args], {
    env: { ...environment.env, ...env },
  });
const member = (name: string, args: string) => raw(['--kubeconfig', config(name), ...args.split(' ')]);
const isReady = (name: string) =>
  eventually(async () => {
    const { stdout } = await raw([...`${karmada} get cluster ${name} --no-headers`.split(' ')]);
    expect(stdout).toMatch(/ True /);
  });
const manifest = (name: string, cluster: string) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: c, image: nginx}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: ${name}}]
  placement: {clusterAffinity: {clusterNames: [${cluster}]}}
`;
const deploy = (name: string, cluster: string) => kubectl(`${karmada} apply -f -`, { input: manifest(name, cluster) });
const readyReplicas = async (name: string) =>
  (await object<{ status: { readyReplicas?: number } }>(`${karmada} -n ${namespace} get deploy ${name}`)).status
    .readyReplicas;

beforeAll(async () => {
  startCluster('member4', 'simulated');
  startCluster('member5', 'mixed');
  await kubectl(`${karmada} create namespace ${namespace}`);
  await eventually(async () => {
    for (const name of ['member4', 'member5']) {
      expect(existsSync(config(name))).toBe(true);
      expect(await member(name, 'get --raw /readyz')).toMatchObject({ code: 0 });
    }
  });
});
afterAll(async () => {
  await raw(`${karmada} delete namespace ${namespace} --wait=false`.split(' '));
  for (const child of started) {
    const ended = once(child, 'exit');
    if (child.kill('SIGTERM')) await ended;
  }
});

describe('a push cluster', () => {
  it('joins, runs what policies bring, and leaves with everything running', async () => {
    const joining = ['--cluster-kubeconfig', config('member4'), '--cluster-context=member4'];
    expect(await karmadactl(['join', 'member4', ...controlPlane, ...joining])).toMatchObject({
      code: 0,
      stdout: 'cluster(member4) is joined successfully\n',
    });
    await isReady('member4');
    await deploy('stays', 'member4');
    await eventually(async () => expect(await readyReplicas('stays')).toBe(2));
    const pods = () => member('member4', `-n ${namespace} get pods -o jsonpath={.items[*].metadata.uid}`);
    const before = (await pods()).stdout;

    const leaving = await karmadactl([...controlPlane, 'unjoin', 'member4', '--cascade=orphan', ...joining]);
    expect(leaving).toMatchObject({ code: 0, stderr: '' });
    // This namespace and its Deployment, and the namespaces of tests before.
    expect(leaving.stdout).toMatch(
      /^\d+ objects stay in cluster\(member4\), without labels and annotations of Karmada\n$/,
    );
    expect(Number.parseInt(leaving.stdout, 10)).toBeGreaterThanOrEqual(2);
    expect((await raw(`${karmada} get cluster member4`.split(' '))).stderr).toContain('not found');
    const left = await member('member4', `-n ${namespace} get deploy,ns -l karmada.io/managed -o name`);
    expect(left.stdout).toBe('');
    const deployment = await member('member4', `-n ${namespace} get deploy stays -o yaml`);
    expect(deployment.stdout).not.toContain('karmada.io/');
    expect((await pods()).stdout).toBe(before);
    expect((await member('member4', 'get ns karmada-cluster')).stderr).toContain('not found');
  });
});

describe('a pull cluster', () => {
  it('registers with the command that the control plane prints', async () => {
    const token = await karmadactl(['token', 'create', '--print-register-command', ...controlPlane]);
    expect(token.stdout).toMatch(
      /^karmadactl register \S+:\d+ --token [a-z0-9]{6}\.[a-z0-9]{16} --discovery-token-ca-cert-hash sha256:[0-9a-f]{64}\n$/,
    );
    const words = token.stdout.trim().split(' ').slice(1);
    const registered = await karmadactl([...words, '--enable-cert-rotation'], { KUBECONFIG: config('member5') });
    expect(registered).toMatchObject({ code: 0, stderr: '' });
    expect(registered.stdout).toMatch(/\ncluster\(member5\) is joined successfully\n$/);
    await isReady('member5');
    expect(await kubectl(`${karmada} get cluster member5 --no-headers`)).toMatch(/ Pull /);
    expect(await kubectl(`${karmada} -n karmada-cluster get lease member5 -o name`)).toContain('lease');
  });

  it('runs what policies bring, and is reached through the control plane', async () => {
    await deploy('pulled', 'member5');
    await eventually(async () => expect(await readyReplicas('pulled')).toBe(2));
    const at = ['-n', namespace, '-s', 'members', '-C', 'member5', ...controlPlane];
    const { stdout } = await karmadactl(['get', 'pods', '-o', 'name', ...at]);
    const pod = stdout.split('\n')[0] ?? '';
    const through = ['-n', namespace, '-s', 'members', '--cluster=member5', ...controlPlane];
    expect(await karmadactl(['exec', pod, ...through, '--', 'echo', 'there'])).toMatchObject({
      code: 0,
      stdout: 'there\n',
    });
    const logs = await karmadactl(['logs', pod, '-n', namespace, '-C', 'member5', ...controlPlane]);
    expect(logs.stdout).toContain('c: started image nginx');
  });

  it('leaves, and takes what policies brought along', async () => {
    const leaving = ['unregister', 'member5', '--cluster-kubeconfig', config('member5'), '--cluster-context=member5'];
    const own = [`--karmada-config=${join(environment.home, '.kube/karmada.config')}`, controlPlane[1] as string];
    expect(await karmadactl([...leaving, ...own])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await raw(`${karmada} get cluster member5`.split(' '))).stderr).toContain('not found');
    expect((await raw(`${karmada} get clusterrole system:karmada:member5:agent`.split(' '))).stderr).toContain(
      'not found',
    );
    expect((await member('member5', `-n ${namespace} get deploy pulled`)).stderr).toContain('not found');
    expect((await member('member5', '-n karmada-system get deploy karmada-agent')).stderr).toContain('not found');
  });
});
