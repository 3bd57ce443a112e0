import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { mergeIntoKubeconfig } from '../client/kubeconfig/write.ts';
import { clusterResourceDefinition } from '../clusters/cluster-api.ts';
import { manyListeners } from '../component/abort.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  pods,
  secrets,
  serviceAccounts,
} from '../kubernetes/resource-types.ts';
import type { ClusterRole, Secret } from '../kubernetes/types.ts';
import { createMemberClusters } from '../members/member-clusters.ts';
import { runKarmadactl } from './cli.ts';

let ca: KeyPair;
let serving: KeyPair;
let admin: KeyPair;
let directory: string;
let kubeconfig: string;
let controlPlane: TestApiServer;
let member: TestApiServer;
const stopControllers = new AbortController();
manyListeners(stopControllers.signal);

/** A server on TLS as a cluster is: with its controllers, and a context for its administrator in the kubeconfig. */
async function startCluster(name: string, options: Parameters<typeof startApiServer>[0] = {}): Promise<TestApiServer> {
  const serviceAccountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
  const api = await startApiServer({
    ...options,
    serving: { port: 0, ...serving },
    clientCa: ca.cert,
    serviceAccountKey,
  });
  const informers = createInformerFactory(api.client);
  const controllers = createKubeControllers({ client: api.client, informers, serviceAccountKey, rootCa: ca.cert });
  informers.start(stopControllers.signal);
  void controllers.run(stopControllers.signal).catch(() => {});
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  await mergeIntoKubeconfig(kubeconfig, {
    clusters: [{ name, cluster: { server: api.server.url, 'certificate-authority-data': base64(ca.cert) } }],
    users: [
      { name: 'admin', user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) } },
    ],
    contexts: [{ name, context: { cluster: name, user: 'admin' } }],
    currentContext: name,
  });
  return api;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'karmadactl-'));
  kubeconfig = join(directory, 'config');
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  serving = await issueCertificate(ca, { commonName: 'api', ipAddresses: ['127.0.0.1'], days: 1, usages: ['server'] });
  admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    days: 1,
    usages: ['client'],
  });
});
async function startClusters(): Promise<void> {
  member = await startCluster('member1');
  controlPlane = await startCluster('karmada', { resources: [clusterResourceDefinition] });
}
async function stopClusters(): Promise<void> {
  await controlPlane.stop();
  await member.stop();
}
/** For tests that change what is there. */
function withClustersForEachTest(): void {
  beforeEach(startClusters);
  afterEach(stopClusters);
}
afterAll(() => {
  stopControllers.abort(new Error('stopped'));
  rmSync(directory, { recursive: true });
});

async function karmadactl(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = {
    stdout(text: string) {
      out += text;
    },
    stderr(text: string) {
      err += text;
    },
  };
  const code = await runKarmadactl(argv, io, new AbortController().signal);
  return { code, out, err };
}
const on = () => ['--kubeconfig', kubeconfig, '--karmada-context', 'karmada'];
const joinMember = (name = 'member1', ...more: string[]) =>
  karmadactl('join', name, ...on(), '--cluster-kubeconfig', kubeconfig, '--cluster-context=member1', ...more);
const names = async (api: TestApiServer, type: typeof secrets, namespace = '') =>
  (await api.client.resource(type).list({ namespace })).items.map(({ metadata }) => metadata.name);
const clusterOf = (name: string) => controlPlane.client.resource<Cluster>(clusters).get({ name });

describe('join', () => {
  withClustersForEachTest();

  it('creates an identity in the member, its credentials in the control plane, and the Cluster', async () => {
    expect(await joinMember('member1', '--cluster-provider=p', '--cluster-region=r', '--cluster-zones=a,b')).toEqual({
      code: 0,
      out: 'cluster(member1) is joined successfully\n',
      err: '',
    });
    const cluster = await clusterOf('member1');
    const kubeSystem = await member.client.resource(namespaces).get({ name: 'kube-system' });
    expect(cluster.spec).toMatchObject({
      syncMode: 'Push',
      id: kubeSystem.metadata.uid,
      apiEndpoint: member.server.url,
      secretRef: { namespace: 'karmada-cluster', name: 'member1' },
      impersonatorSecretRef: { namespace: 'karmada-cluster', name: 'member1-impersonator' },
      provider: 'p',
      region: 'r',
      zones: ['a', 'b'],
    });
    const role = await member.client
      .resource<ClusterRole>(clusterRoles)
      .get({ name: 'karmada-controller-manager:karmada-member1' });
    expect(role.metadata.labels).toEqual({ 'karmada.io/system': 'true' });
    expect(role.rules).toEqual([
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['get'] },
    ]);
    expect(await names(member, clusterRoleBindings)).toContain('karmada-controller-manager:karmada-member1');
    expect(await names(member, serviceAccounts, 'karmada-cluster')).toEqual(
      expect.arrayContaining(['karmada-impersonator', 'karmada-member1']),
    );
    const secret = await controlPlane.client
      .resource<Secret>(secrets)
      .get({ namespace: 'karmada-cluster', name: 'member1' });
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['caBundle', 'token']);
    expect(secret.metadata.ownerReferences).toEqual([
      {
        apiVersion: 'cluster.karmada.io/v1alpha1',
        kind: 'Cluster',
        name: 'member1',
        uid: cluster.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
  });

  it('lets the control plane work in the member with what was stored, until the Cluster is gone', async () => {
    await joinMember();
    const stop = new AbortController();
    const informers = createInformerFactory(controlPlane.client);
    const members = createMemberClusters({ client: controlPlane.client, informers });
    informers.start(stop.signal);
    try {
      await expect(members.get('nope')).rejects.toThrow('clusters.cluster.karmada.io "nope" not found');
      const connected = await members.get('member1');
      expect(await members.get('member1')).toBe(connected);
      expect(await connected.client.text('/readyz')).toBe('ok');
      const cache = await connected.syncedInformer(namespaces);
      expect(cache.get('kube-system')).toBeDefined();
      expect(await connected.discovery.resourceFor({ group: '', version: 'v1', kind: 'Pod' })).toMatchObject(pods);
      const closed: string[] = [];
      members.onClosed((name) => closed.push(name));
      await controlPlane.client.resource(clusters).delete({ name: 'member1' });
      await vi.waitFor(() => expect(closed).toEqual(['member1']));
      expect(connected.signal.aborted).toBe(true);
      await expect(connected.client.text('/readyz')).rejects.toThrow();
      await expect(members.get('member1')).rejects.toThrow('not found');
    } finally {
      await members.close();
      stop.abort(new Error('stopped'));
    }
  });

  it('refuses a name or a cluster that is registered', async () => {
    await joinMember();
    const { id } = (await clusterOf('member1')).spec;
    for (const name of ['member1', 'other']) {
      expect(await joinMember(name)).toEqual({
        code: 1,
        out: '',
        err: `error: the cluster ID ${id} or the cluster name ${name} has been registered\n`,
      });
    }
  });

  it('says which context is wrong, and which there are', async () => {
    const wrong = ['--kubeconfig', kubeconfig, '--karmada-context=member1'];
    const none = `error: the server ${member.server.url} (context "member1") is no Karmada control plane: it does not serve cluster.karmada.io/v1alpha1. Choose the control plane with --kubeconfig and --karmada-context; there are the contexts "member1", "karmada"\n`;
    const more = ['--cluster-kubeconfig', kubeconfig, '--cluster-context=member1'];
    expect(await karmadactl('join', 'm', ...wrong, ...more)).toEqual({ code: 1, out: '', err: none });
    expect(await karmadactl('unjoin', 'm', ...wrong)).toEqual({ code: 1, out: '', err: none });
    expect((await joinMember('m', '--cluster-context=karmada')).err).toBe(
      'error: the context "karmada" is the control plane itself, which cannot be a member of its own. Choose the member with --cluster-kubeconfig and --cluster-context; there are the contexts "member1", "karmada"\n',
    );
    expect(await names(member, namespaces)).not.toContain('karmada-cluster');
  });

  it('creates nothing in a dry run', async () => {
    expect(await joinMember('member1', '--dry-run')).toMatchObject({ code: 0, out: '' });
    expect(await names(member, namespaces)).not.toContain('karmada-cluster');
    expect(await names(controlPlane, clusters)).toEqual([]);
  });
});

describe('unjoin', () => {
  withClustersForEachTest();

  it('deletes the Cluster and then what joining created in the member', async () => {
    await joinMember();
    expect(await karmadactl('unjoin', 'member1', ...on(), '--cluster-kubeconfig', kubeconfig)).toEqual({
      code: 0,
      out: '',
      err: '',
    });
    expect(await names(controlPlane, clusters)).toEqual([]);
    expect(await names(member, clusterRoles)).not.toContain('karmada-controller-manager:karmada-member1');
    expect(await names(member, clusterRoleBindings)).not.toContain('karmada-controller-manager:karmada-member1');
    await vi.waitFor(async () => expect(await names(member, namespaces)).not.toContain('karmada-cluster'), {
      timeout: 5000,
    });
    await vi.waitFor(async () => expect(await names(controlPlane, secrets, 'karmada-cluster')).toEqual([]), {
      timeout: 5000,
    });
  });

  it('leaves a host as it was: its control plane runs in a namespace that joining did not make', async () => {
    const namespace = 'karmada-system';
    await member.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const ref = { namespace, name: 'karmada-apiserver' };
    await member.client.resource(secrets).create({ apiVersion: 'v1', kind: 'Secret', metadata: ref });
    await joinMember('member1', `--cluster-namespace=${namespace}`);
    const { code, err } = await karmadactl(
      ...['unjoin', 'member1', ...on(), '--cluster-kubeconfig', kubeconfig, `--cluster-namespace=${namespace}`],
    );
    expect([code, err]).toEqual([
      0,
      'Left the namespace karmada-system in the member: it was there before the cluster was joined\n',
    ]);
    expect(await names(member, secrets, namespace)).toEqual(['karmada-apiserver']);
    expect(await names(member, serviceAccounts, namespace)).toEqual(['default']);
  });

  it('gives up after --wait when the Cluster is held, and lets go of it by force', async () => {
    await joinMember();
    await controlPlane.client
      .resource(clusters)
      .patch({ name: 'member1' }, 'merge', { metadata: { finalizers: ['karmada.io/cluster-controller'] } });
    expect(await karmadactl('unjoin', 'member1', ...on(), '--wait=10ms')).toMatchObject({
      code: 1,
      err: 'error: context deadline exceeded\ncluster(member1) is being removed and not gone yet: its finalizers are karmada.io/cluster-controller. Its removal goes on; --force lets go of it at once.\n',
    });
    expect(await karmadactl('unjoin', 'member1', ...on(), '--wait=10ms', '--force')).toMatchObject({
      code: 0,
      out: '',
    });
    expect(await names(controlPlane, clusters)).toEqual([]);
  });

  it('refuses what is not joined, and a pull cluster', async () => {
    expect((await karmadactl('unjoin', 'x', ...on())).err).toBe(
      'error: no cluster object x found in karmada control Plane\n',
    );
    await controlPlane.client.resource(clusters).create({
      apiVersion: 'cluster.karmada.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'p' },
      spec: { syncMode: 'Pull' },
    });
    expect((await karmadactl('unjoin', 'p', ...on())).err).toContain(
      'is a Pull mode member cluster, please use command `unregister`',
    );
    expect((await karmadactl('unjoin', 'p', ...on(), '--wait=0s')).err).toBe(
      'error:  --wait 0s  must be a positive duration, e.g. 1m0s \n',
    );
  });
});

describe('get', () => {
  beforeAll(startClusters);
  afterAll(stopClusters);

  it.each([
    [['clusters', 'nope'], 1, 'Error from server (NotFound): clusters.cluster.karmada.io "nope" not found\n'],
    [['clusters', 'nope', '--ignore-not-found'], 0, ''],
    [['clusters'], 0, 'No resources found\n'],
    [['pods'], 0, 'No resources found in default namespace.\n'],
    [['nonsense'], 1, 'error: cluster(Karmada): the server doesn\'t have a resource type "nonsense"\n'],
    [
      ['clusters', '-o', 'x'],
      1,
      'error: unable to match a printer suitable for the output format "x", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml\n',
    ],
  ])('get %j without a result', async (argv, code, err) => {
    expect(await karmadactl('get', ...on(), ...argv)).toEqual({ code, out: '', err });
  });

  it('says that the server cannot be reached', async () => {
    const file = join(directory, 'dead');
    writeFileSync(
      file,
      'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]\ncontexts: [{name: c, context: {cluster: c, user: ""}}]\ncurrent-context: c\n',
    );
    expect((await karmadactl('get', 'clusters', '--kubeconfig', file)).err).toBe(
      'The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n',
    );
  });

  describe('of a cluster that has joined', () => {
    beforeAll(async () => {
      expect((await joinMember()).code).toBe(0);
    });

    it('prints clusters with the flags in front of the command, too', async () => {
      const { code, out } = await karmadactl(
        `--kubeconfig=${kubeconfig}`,
        '--karmada-context',
        'karmada',
        'get',
        'clusters',
      );
      expect(code).toBe(0);
      expect(out.replace(/\d+s/, '1s')).toMatch(
        /^NAME {6}CLUSTER {3}VERSION {3}MODE {3}READY {5}AGE {3}ADOPTION\nmember1 {3}Karmada {13}Push {3}Unknown {3}1s +-\n$/,
      );
    });

    it.each([
      [['cluster', 'member1', '-o', 'name'], /^cluster\.cluster\.karmada\.io\/member1\n$/],
      [['cluster/member1', '-oyaml'], /^apiVersion: cluster\.karmada\.io\/v1alpha1\n[\s\S]*syncMode: Push\n/],
      [['clusters', '-o', 'json'], /"kind": "List"/],
      [['clusters', '-o', 'wide', '--no-headers'], /https:\/\/127\.0\.0\.1:\d+/],
      [
        ['ns', '-l', 'kubernetes.io/metadata.name=default', '--show-labels'],
        /^NAME +CLUSTER +STATUS +AGE +ADOPTION +LABELS\ndefault +Karmada +Active .*kubernetes\.io\/metadata\.name=default\n$/,
      ],
      [['secrets', '-A'], /^NAMESPACE +NAME +CLUSTER[\s\S]*karmada-cluster +member1 /],
    ])('get %j', async (argv, expected) => {
      const { code, out, err } = await karmadactl('get', ...on(), ...argv);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(expected);
    });
  });
});

describe('karmadactl', () => {
  it("shows help without a command, and a command's with --help", async () => {
    expect((await karmadactl()).out).toMatch(
      /Basic Commands:\n {2}explain[\s\S]*Cluster Registration Commands:\n {2}init[\s\S]*\n {2}join/,
    );
    const help = await karmadactl('join', '--help');
    expect(help.out).toContain('karmadactl join CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG>');
    expect(help.out).toContain('--cluster-namespace string');
    expect(help.code).toBe(0);
  });

  it.each([
    [['join'], 'error: cluster name is required\n'],
    [['join', 'a', 'b'], 'error: only the cluster name is allowed as an argument\n'],
    [['join', 'x'.repeat(49)], `error: invalid cluster name(${'x'.repeat(49)}): must be no more than 48 characters\n`],
    [['join', 'a', '--nope'], "error: unknown flag: --nope\nSee 'karmadactl join --help' for usage.\n"],
    [
      ['join', 'a', '--cluster-namespace'],
      "error: flag needs an argument: --cluster-namespace\nSee 'karmadactl join --help' for usage.\n",
    ],
    [
      ['join', 'a', '--kubeconfig=/nowhere', '--karmada-context=k'],
      'error: failed to get control plane rest config. context: k, kube-config: /nowhere, error: stat /nowhere: no such file or directory\nGive the path of a kubeconfig with --kubeconfig or in KUBECONFIG.\n',
    ],
  ])('answers %j with an error', async (argv, err) => {
    expect(await karmadactl(...argv)).toEqual({ code: 1, out: '', err });
  });

  it('guesses what an unknown command was meant to be', async () => {
    expect(await karmadactl('joim')).toEqual({
      code: 1,
      out: '',
      err: 'error: unknown command "joim" for "karmadactl"\n\nDid you mean this?\n\tjoin\n\n',
    });
    expect((await karmadactl('--dry-run', 'get', 'm1')).err).toBe('error: unknown command "m1" for "karmadactl"\n');
  });

  it('prints its version', async () => {
    expect((await karmadactl('version')).out).toMatch(/^karmadactl version: version\.Info\{GitVersion:"v1\.19\.0", /);
  });
});
