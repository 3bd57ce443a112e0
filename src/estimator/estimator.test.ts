import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as GrpcClient, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { systemClock } from '../apimachinery/clock.ts';
import type { KubeObject } from '../apimachinery/object.ts';
import type { ResourceBindingSpec } from '../apis/work/v1alpha2/resource-binding.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createCertificateAuthority, issueCertificate } from '../component/certificates.ts';
import { featureGates } from '../component/feature-gates.ts';
import {
  deployments,
  namespaces,
  nodes,
  pods,
  replicaSets,
  resourceQuotas,
  serviceAccounts,
  services,
} from '../kubernetes/resource-types.ts';
import { addressesOf, channelCredentials, createEstimatorPool } from './connection-pool.ts';
import { createEstimatorClient } from './estimator-client.ts';
import { estimatorService } from './protocol.ts';
import { type EstimatorServer, serveEstimator, serverCredentials } from './server/estimator-server.ts';
import { requirementsFromWire, requirementsToWire } from './wire-form.ts';

const folder = mkdtempSync(join(tmpdir(), 'estimator-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const node = (name: string, cpu: string, extra: { labels?: object; spec?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { disk: 'ssd', ...extra.labels } },
  spec: extra.spec ?? {},
  status: { allocatable: { cpu, memory: '8Gi', pods: '10' } },
});
const pod = (name: string, on: string, cpu: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName: on, containers: [{ name: 'c', image: 'c', resources: { requests: { cpu } } }] },
});
const workload = (spec: Partial<ResourceBindingSpec> = {}): ResourceBindingSpec => ({
  resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'nginx' },
  replicas: 1,
  ...spec,
});
const wanting = (cpu: string, nodeClaim: object = {}) =>
  workload({ replicaRequirements: { resourceRequest: { cpu }, nodeClaim } });

describe('the estimator protocol', () => {
  it('has the bytes of upstream: names, numbers and encodings', () => {
    const { MaxAvailableReplicas, GetUnschedulableReplicas } = estimatorService;
    expect(MaxAvailableReplicas?.path).toBe(
      '/github.com.karmada_io.karmada.pkg.estimator.service.Estimator/MaxAvailableReplicas',
    );
    const bytes = MaxAvailableReplicas?.requestSerialize({
      cluster: 'm1',
      replicaRequirements: requirementsToWire({
        namespace: 'ns',
        priorityClassName: 'pc',
        resourceRequest: { cpu: '0.1' },
        nodeClaim: { nodeSelector: { a: 'b' }, tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }] },
      }),
    });
    const text = (field: number, value: string | Buffer): Buffer =>
      Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);
    const toleration = Buffer.concat([text(1, 'k'), text(2, 'Exists'), text(4, 'NoSchedule')]);
    const claim = Buffer.concat([text(2, Buffer.concat([text(1, 'a'), text(2, 'b')])), text(5, toleration)]);
    const request = Buffer.concat([text(1, 'cpu'), text(2, text(1, '100m'))]);
    const requirements = Buffer.concat([text(1, claim), text(3, 'ns'), text(4, 'pc'), text(5, request)]);
    expect(bytes?.toString('hex')).toBe(Buffer.concat([text(1, 'm1'), text(2, requirements)]).toString('hex'));
    const unschedulable = GetUnschedulableReplicas?.requestSerialize({
      cluster: 'm1',
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'ns', name: 'x' },
      unschedulableThreshold: 3e11,
    });
    expect(GetUnschedulableReplicas?.requestDeserialize(unschedulable ?? Buffer.alloc(0))).toMatchObject({
      unschedulableThreshold: 3e11,
    });
  });

  it('brings requirements back as they were', () => {
    const requirements = {
      namespace: 'ns',
      priorityClassName: 'high',
      resourceRequest: { cpu: '100m', memory: '1Gi' },
      nodeClaim: {
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'k', operator: 'Exists' as const, tolerationSeconds: 30 }],
        hardNodeAffinity: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'zone', operator: 'In' as const, values: ['a', 'b'] }], matchFields: [] },
          ],
        },
      },
    };
    expect(requirementsFromWire(requirementsToWire(requirements))).toEqual(requirements);
  });
});

describe('the estimator of a member cluster', () => {
  let api: TestApiServer;
  let server: EstimatorServer;
  let life: AbortController;
  const gates = featureGates({ ResourceQuotaEstimate: true, SchedulingOvercommitProtection: true });
  let clientFiles: { certFile: string; keyFile: string; caFile: string };
  let serverFiles: { certFile: string; keyFile: string; clientCaFile: string };

  beforeAll(async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
    const leaf = async (name: string, usages: ('client' | 'server')[]) => {
      const pair = await issueCertificate(ca, { commonName: name, dnsNames: ['localhost'], days: 1, usages });
      return { certFile: file(`${name}.crt`, pair.cert), keyFile: file(`${name}.key`, pair.key) };
    };
    const caFile = file('ca.crt', ca.cert);
    clientFiles = { ...(await leaf('client', ['client'])), caFile };
    serverFiles = { ...(await leaf('server', ['server'])), clientCaFile: caFile };
    api = await startApiServer();
    const create = (type: Parameters<typeof api.client.resource>[0], object: unknown) =>
      api.client.resource(type).create(object as KubeObject);
    await create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } });
    for (const object of [
      node('n1', '4'),
      node('n2', '2', { labels: { disk: 'hdd' } }),
      node('n3', '8', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
    ]) {
      const created = await create(nodes, object);
      await api.client.resource(nodes).updateStatus({ ...created, status: object.status } as unknown as KubeObject);
    }
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
    await create(serviceAccounts, account);
    await create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'limited' } });
    await create(pods, pod('p1', 'n1', '1'));
    life = new AbortController();
    const informers = createInformerFactory(api.client);
    server = await serveEstimator({
      clusterName: 'm1',
      client: api.client,
      informers,
      gates,
      address: '127.0.0.1:0',
      credentials: serverCredentials({ ...serverFiles, insecureSkipClientVerify: false }),
      async fillCaches() {
        informers.start(life.signal);
        await informers.whenSynced(life.signal);
      },
    });
  });
  afterAll(async () => {
    life.abort(new Error('done'));
    await server.stop();
    await api.stop();
  });

  const connected = async <T>(ask: (client: ReturnType<typeof createEstimatorClient>) => Promise<T>): Promise<T> => {
    const connection = new GrpcClient(
      `localhost:${server.port}`,
      channelCredentials({ ...clientFiles, insecureSkipVerify: false }),
    );
    try {
      return await ask(createEstimatorClient({ get: (name) => (name === 'away' ? undefined : connection) }, 5_000));
    } finally {
      connection.close();
    }
  };
  const replicas = (spec: ResourceBindingSpec, assumed = 0) =>
    connected(async (client) => {
      const components = [{ name: 'other', replicas: assumed, replicaRequirements: { resourceRequest: { cpu: '1' } } }];
      const answers = await client.maxReplicas(['m1'], spec, () => [{ namespace: 'default', components }]);
      return answers.get('m1');
    });

  it('counts what is free on nodes that may have the pods', async () => {
    expect(await replicas(wanting('1'))).toBe(5); // 3 of n1 and 2 of n2
    expect(await replicas(wanting('1', { nodeSelector: { disk: 'ssd' } }))).toBe(3);
    expect(await replicas(wanting('1', { tolerations: [{ key: 'k', operator: 'Exists' }] }))).toBe(13);
    const terms = [{ matchExpressions: [{ key: 'disk', operator: 'NotIn', values: ['ssd'] }] }];
    expect(await replicas(wanting('1', { hardNodeAffinity: { nodeSelectorTerms: terms } }))).toBe(2);
    expect(await replicas(workload())).toBe(19); // 9 pods and 10
    expect(await replicas(wanting('5'))).toBe(0);
  });

  it('takes off what was just given to the cluster', async () => {
    expect(await replicas(wanting('1'), 3)).toBe(2);
  });

  it('counts whole sets of components', async () => {
    const components = ['1', '500m'].map((cpu, i) => ({
      name: `c${i}`,
      replicas: i + 1,
      replicaRequirements: { resourceRequest: { cpu } },
    }));
    const answers = await connected((client) => client.maxSets(['m1'], workload({ components })));
    expect(answers.get('m1')).toBe(2);
  });

  it('heeds the quotas of the namespace, under either name of a resource', async () => {
    const created = await api.client.resource(resourceQuotas).create({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'limited' },
      spec: { hard: { 'requests.cpu': '3' } },
    } as KubeObject);
    const status = { hard: { 'requests.cpu': '3' }, used: { 'requests.cpu': '1' } };
    await api.client.resource(resourceQuotas).updateStatus({ ...created, status } as KubeObject);
    const inside = wanting('1');
    inside.resource.namespace = 'limited';
    await expect.poll(() => replicas(inside)).toBe(2);
    expect(await replicas(wanting('1'))).toBe(5);
  });

  it('counts pods of the newest ReplicaSet that no node has taken for long', async () => {
    const template = {
      metadata: { labels: { app: 'x' } },
      spec: { containers: [{ name: 'c', image: 'c' }] },
    };
    const selector = { matchLabels: { app: 'x' } };
    const deployment = await api.client.resource(deployments).create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'nginx', namespace: 'default' },
      spec: { replicas: 2, selector, template },
    } as unknown as KubeObject);
    const ownedBy = (kind: string, owner: KubeObject) => [
      { apiVersion: 'apps/v1', kind, name: owner.metadata.name ?? '', uid: owner.metadata.uid ?? '', controller: true },
    ];
    const set = await api.client.resource(replicaSets).create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'nginx-1', namespace: 'default', ownerReferences: ownedBy('Deployment', deployment) },
      spec: { replicas: 2, selector, template },
    } as unknown as KubeObject);
    for (const [name, seconds] of [
      ['old', 600],
      ['young', 1],
    ] as const) {
      const created = await api.client.resource(pods).create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', labels: { app: 'x' }, ownerReferences: ownedBy('ReplicaSet', set) },
        spec: template.spec,
      } as unknown as KubeObject);
      const lastTransitionTime = new Date(systemClock.now() - seconds * 1000).toISOString().replace(/\.\d+/, '');
      const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', lastTransitionTime };
      await api.client.resource(pods).updateStatus({ ...created, status: { conditions: [condition] } } as KubeObject);
    }
    const count = (threshold: number) =>
      connected(async (client) =>
        (await client.unschedulableReplicas(['m1'], workload().resource, threshold)).get('m1'),
      );
    await expect.poll(() => count(300_000)).toBe(1);
    expect(await count(0)).toBe(2);
    const job = { ...workload().resource, kind: 'Job' };
    const refused = await connected((client) => client.unschedulableReplicas(['m1'], job, 0));
    expect(String(refused.get('m1'))).toContain('kind(Job) of workload(default/nginx) is not supported');
  });

  it('answers only for its own cluster, and says so of one that nobody knows', async () => {
    const answers = await connected((client) => client.maxReplicas(['m2', 'away'], workload()));
    expect(String(answers.get('m2'))).toMatch(
      /gRPC request cluster\(m2\) estimator error when calling MaxAvailableReplicas: .*cluster name does not match, got: m2, desire: m1/,
    );
    expect(String(answers.get('away'))).toContain('cluster away does not exist in estimator cache');
  });

  it('lets nobody in without a certificate', async () => {
    const connection = new GrpcClient(
      `localhost:${server.port}`,
      channelCredentials({ certFile: '', keyFile: '', caFile: clientFiles.caFile, insecureSkipVerify: false }),
    );
    const answers = await createEstimatorClient({ get: () => connection }, 1_000).maxReplicas(['m1'], workload());
    connection.close();
    expect(answers.get('m1')).toBeInstanceOf(Error);
  });

  it('is found by a Service of the control plane, and its connection is kept', async () => {
    const settings = { client: api.client, namespace: 'karmada-system', prefix: 'karmada-scheduler-estimator' };
    expect(await addressesOf('m1', { ...settings, port: 10352 })).toEqual([
      'karmada-scheduler-estimator-m1.karmada-system.svc.cluster.local:10352',
      'karmada-scheduler-estimator-m1.karmada-system.svc:10352',
    ]);
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'karmada-scheduler-estimator-m1', namespace: 'karmada-system' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port: 10352, targetPort: server.port }] },
    };
    await api.client.resource(services).create(service as unknown as KubeObject);
    const pool = createEstimatorPool({
      ...settings,
      port: 10352,
      credentials: channelCredentials({ ...clientFiles, insecureSkipVerify: false }),
    });
    await Promise.all([pool.connect('m1'), pool.connect('m1')]);
    const connection = pool.get('m1');
    expect(connection).toBeDefined();
    await pool.connect('m1');
    expect(pool.get('m1')).toBe(connection);
    pool.disconnect('m1');
    expect(pool.get('m1')).toBeUndefined();
    pool.close();
    await expect(addressesOf('m1', { ...settings, port: 1 })).rejects.toThrow('has no port 1');
  });
});

describe('serverCredentials', () => {
  it('are plain without certificate', () => {
    const credentials = serverCredentials({
      certFile: '',
      keyFile: '',
      clientCaFile: '',
      insecureSkipClientVerify: false,
    });
    expect(credentials).toBeInstanceOf(ServerCredentials);
    expect(credentials._isSecure()).toBe(false);
  });
});
