import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run } from '../support/kubectl.ts';
import { eventually, kubectlFor, localEnvironment, projectRoot } from '../support/local-environment.ts';

const environment = localEnvironment(inject('home'));
const { kubectl, raw } = kubectlFor(environment.env);
const karmadactl = (args: string, input = '') =>
  run(process.execPath, [join(projectRoot, 'dist/cmd/karmadactl.js'), ...args.split(' ')], {
    env: {
      ...environment.env,
      KUBECONFIG: join(environment.home, '.kube/karmada.config'),
      KUBE_EDITOR: 'sed -i s/image:.nginx$/&:2/',
    },
    input,
  });
/** With the control plane's context. */
const ctl = (args: string, input?: string) => karmadactl(`--karmada-context=karmada-apiserver ${args}`, input);
/** Of its own: policies of other tests select everything in `default`. */
const namespace = 'karmadactl';

const proxy = (member: string): string => `/apis/cluster.karmada.io/v1alpha1/clusters/${member}/proxy`;

beforeAll(async () => {
  await kubectl(`--context karmada-apiserver create namespace ${namespace}`);
  writeFileSync(
    join(environment.home, 'web.yaml'),
    `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ${namespace}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
`,
  );
});
afterAll(async () => {
  await ctl(`delete deployment web -n ${namespace} --ignore-not-found`);
  await kubectl('--context karmada-apiserver delete clusterrole,clusterrolebinding proxy-user --ignore-not-found');
  await kubectl('--context member1 delete clusterrolebinding alice-view --ignore-not-found');
});

describe('karmadactl', () => {
  let policy = '';

  it('applies to members, and shows where things run', async () => {
    const applied = await ctl(`apply -f ${environment.home}/web.yaml --cluster member1,member2`);
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    policy = /propagationpolicy\.policy\.karmada\.io\/(web-\S+) created/.exec(applied.stdout)?.[1] ?? '';
    expect(applied.stdout).toBe(`deployment.apps/web created\npropagationpolicy.policy.karmada.io/${policy} created\n`);
    const again = await ctl(`apply -f ${environment.home}/web.yaml --cluster member1,member2`);
    expect(again.stdout).toContain('deployment.apps/web unchanged\n');
    await eventually(async () => {
      const { stdout } = await ctl(`get deployments -s all -n ${namespace}`);
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/));
      expect(rows[0]).toEqual(['NAME', 'CLUSTER', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE', 'ADOPTION']);
      expect(rows.slice(1).map(([name, cluster, ready, , , , adoption]) => [name, cluster, ready, adoption])).toEqual([
        ['web', 'Karmada', '4/2', '-'],
        ['web', 'member1', '2/2', 'Y'],
        ['web', 'member2', '2/2', 'Y'],
      ]);
    });
  });

  it('gets from members: all, some, none such, as names and objects', async () => {
    expect((await ctl(`get pods -s members -C member1 -l app=web -o name -n ${namespace}`)).stdout).toMatch(
      /^(pod\/web-\S+\n){2}$/,
    );
    expect(await ctl(`get pods -s members -C nowhere -n ${namespace}`)).toMatchObject({
      code: 1,
      stderr: "error: clusters don't exist: nowhere\n",
    });
    const { stdout } = await ctl(`get deployment web -s members -C member2 -o json -n ${namespace}`);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'Deployment', metadata: { name: 'web' } });
    expect((await ctl(`get pods -s everywhere -n ${namespace}`)).stderr).toContain(
      'not support OperationScope: everywhere',
    );
  });

  it('shows the perspectives of upstream’s tutorial, completes its lines, and is a plugin of kubectl', async () => {
    const clustersIn = async (scope: string) => {
      const { stdout } = await ctl(`get deployment web -n ${namespace} ${scope} --no-headers`);
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ +/)[1]);
    };
    expect(await clustersIn('--operation-scope all --clusters member1,member2')).toEqual([
      'Karmada',
      'member1',
      'member2',
    ]);
    expect(await clustersIn('--operation-scope karmada')).toEqual(['Karmada']);
    expect(await clustersIn('--operation-scope members --clusters member2')).toEqual(['member2']);
    expect((await ctl('api-versions --operation-scope members --cluster member1')).stdout).toContain('apps/v1\n');

    const plugin = { PATH: `${join(projectRoot, 'bin')}:${process.env['PATH']}` };
    const asPlugin = (...args: string[]) =>
      kubectlFor({ ...environment.env, ...plugin, KUBECONFIG: join(environment.home, '.kube/karmada.config') }).raw(
        args,
      );
    const at = '--karmada-context=karmada-apiserver';
    expect((await asPlugin('__complete', 'karmada', at, 'get', 'deploym')).stdout).toBe('deployments.apps\n:4\n');
    expect((await asPlugin('karmada', 'get', 'x', '--nope')).stderr).toBe(
      "error: unknown flag: --nope\nSee 'kubectl karmada get --help' for usage.\n",
    );
    const exec = ['exec', 'deploy/web', at, '-n', namespace, '-s', 'members', '--cluster=member1'];
    expect(await asPlugin('karmada', ...exec, '--', 'sh', '-c', 'exit 7')).toMatchObject({ code: 7 });
  });

  it('reads logs and runs commands in members', async () => {
    const { stdout } = await ctl(`get pods -s members -C member1 -l app=web -o name -n ${namespace}`);
    const pod = stdout.split('\n')[0]?.replace('pod/', '') ?? '';
    expect((await ctl(`logs ${pod} -C member1 -n ${namespace}`)).stdout).toContain('web: started image nginx');
    expect(await ctl(`exec ${pod} -n ${namespace} -s members --cluster member1 -- hostname`)).toMatchObject({
      code: 0,
      stdout: `${pod}\n`,
    });
    expect(await ctl(`exec ${pod} -n ${namespace} -s members --cluster member1 -- false`)).toMatchObject({
      code: 1,
      stdout: '',
    });
    expect(await ctl(`exec deploy/web -n ${namespace} -i -s members --cluster member1 -- cat`, 'typed')).toMatchObject({
      code: 0,
      stdout: 'typed',
    });
    const described = (await ctl(`describe pod ${pod} -n ${namespace} -s members -C member1`)).stdout;
    expect(described).toMatch(new RegExp(`^Name: +${pod}\nNamespace: +${namespace}\n`));
    expect(described).toMatch(/^Controlled By: +ReplicaSet\//m);
    expect((await ctl('logs x')).stderr).toBe('error: must specify a cluster\n');
  });

  it('creates from flags, edits, explains as kubectl does, and says why', async () => {
    expect((await ctl(`create deployment late --image=nginx -n ${namespace}`)).stdout).toBe(
      'deployment.apps/late created\n',
    );
    expect((await ctl(`why deployment late -n ${namespace}`)).stdout).toMatch(
      /^Stuck \(NoPolicy\): .*\nNext: karmadactl /,
    );
    expect((await ctl(`edit deployment late -n ${namespace}`)).stdout).toBe('deployment.apps/late edited\n');
    expect((await ctl(`get deployment late -n ${namespace} -o jsonpath={..image}`)).stdout).toBe('nginx:2');
    expect((await ctl(`delete deployment late -n ${namespace}`)).code).toBe(0);
    expect((await ctl(`why deployment web -n ${namespace}`)).stdout).toMatch(
      /^Fine: Deployment karmadactl\/web is in member1 \(2\), member2 \(2\), as its policy wants it\n/,
    );
    const fields = ['explain', 'deployments.spec'];
    expect((await ctl(fields.join(' '))).stdout).toBe(
      (await raw(['--context', 'karmada-apiserver', ...fields])).stdout,
    );
  });

  it('promotes as the documentation of upstream has it', async () => {
    await kubectl(`--context member1 create deployment legacy --image=nginx -n ${namespace}`);
    const { stdout } = await ctl(`promote deployment legacy -n ${namespace} -C member1`);
    expect(stdout).toContain(
      `Resource "apps/v1, Resource=deployments"(${namespace}/legacy) is promoted successfully\n`,
    );
    await ctl(`delete deployment legacy -n ${namespace}`);
    await kubectl(`--context member1 delete deployment legacy -n ${namespace} --ignore-not-found`);
  });

  it('cordons, taints and labels clusters', async () => {
    expect((await ctl('cordon member3')).stdout).toBe('member3 cluster cordoned\n');
    expect((await ctl('cordon member3')).stdout).toBe('member3 cluster already cordoned\n');
    expect((await ctl('taint clusters member3 team=a:NoSchedule')).stdout).toBe('cluster/member3 tainted\n');
    expect((await ctl('taint clusters member3 team=b:NoSchedule')).stderr).toContain(
      'cluster member3 already has team taint(s) with same effect(s) and --overwrite is false',
    );
    expect((await ctl('taint clusters member3 team-')).stdout).toBe('cluster/member3 untainted\n');
    expect((await ctl('uncordon member3')).stdout).toBe('member3 cluster uncordoned\n');
    expect((await ctl('label cluster member3 zone=x')).stdout).toBe('cluster.cluster.karmada.io/member3 labeled\n');
    expect((await ctl('annotate cluster member3 note=y')).stdout).toContain('annotated');
    const patch = await ctl('patch cluster member3 --type merge -p {"metadata":{"labels":{"zone":null}}}');
    expect(patch.stdout).toBe('cluster.cluster.karmada.io/member3 patched\n');
  });

  it('deletes', async () => {
    expect((await ctl(`delete propagationpolicy ${policy} -n ${namespace}`)).stdout).toBe(
      `propagationpolicy.policy.karmada.io "${policy}" deleted from ${namespace} namespace\n`,
    );
    expect(await ctl('delete deployment nowhere')).toMatchObject({ code: 1 });
  });
});

describe('kubectl through the proxy to a cluster', () => {
  it('reads, and runs commands', async () => {
    const { server } = JSON.parse(await kubectl('config view --minify --context karmada-apiserver -o json')).clusters[0]
      .cluster;
    const through = (...args: string[]) =>
      raw(['--context', 'karmada-apiserver', '--server', server + proxy('member1'), ...args]);
    const pods = await through('get', 'pods', '-n', namespace, '-l', 'app=web', '-o', 'name');
    expect(pods).toMatchObject({ code: 0, stderr: '' });
    const pod = pods.stdout.split('\n')[0] ?? '';
    expect(await through('exec', '-n', namespace, pod, '--', 'echo', 'there')).toMatchObject({
      code: 0,
      stdout: 'there\n',
    });
  });

  it('lets nobody do more in a member than the member lets them', async () => {
    await kubectl(
      '--context karmada-apiserver create clusterrole proxy-user --verb=* --resource=clusters.cluster.karmada.io/proxy',
    );
    await kubectl(
      '--context karmada-apiserver create clusterrolebinding proxy-user --clusterrole=proxy-user --user=alice --user=bob',
    );
    await kubectl('--context member1 create clusterrolebinding alice-view --clusterrole=view --user=alice');
    const as = (user: string, path: string) =>
      raw(['--context', 'karmada-apiserver', '--as', user, 'get', '--raw', proxy('member1') + path]);
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await eventually(async () => expect(await as('alice', path)).toMatchObject({ code: 0 }));
    expect((await as('bob', path)).stderr).toContain('User "bob" cannot list resource "pods"');
    expect((await as('alice', `/api/v1/namespaces/${namespace}/secrets`)).stderr).toContain('User "alice" cannot list');
    expect((await as('carol', path)).stderr).toContain('User "carol" cannot get resource "clusters/proxy"');
  });
});
