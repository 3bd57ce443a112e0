import { afterEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { silentLogger } from '../../component/logging.ts';
import { configMaps, pods, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { createKubelet } from './kubelet.ts';
import { createReferenceReader } from './references.ts';
import type { PodReport, PodRuntime } from './runtime.ts';

const container = { name: 'app', restartCount: 0, started: true, containerId: '' };
const creating: PodReport = {
  sandboxReady: false,
  initContainers: [],
  containers: [{ ...container, ready: false, state: { waiting: { reason: 'ContainerCreating' } } }],
  lookAgainAfter: 10,
};
const running: PodReport = {
  sandboxReady: true,
  podIP: '10.0.0.1',
  initContainers: [],
  containers: [{ ...container, ready: true, state: { running: { startedAt: 0 } } }],
};

let api: TestApiServer | undefined;
let life = new AbortController();
afterEach(async () => {
  life.abort();
  life = new AbortController();
  await api?.stop();
});

const ref = { namespace: 'default', name: 'web' };

/** A pod on a node of ours, looked after while `waiting` keys are in line. */
async function follow(waiting: number, first = creating) {
  api = await startApiServer();
  const { client } = api;
  const told: string[] = [];
  let looks = 0;
  const informers = createInformerFactory(client);
  const kubelet = createKubelet({
    informers,
    client,
    clock: systemClock,
    logger: silentLogger,
    load: { add: () => () => true, waiting: () => waiting },
    recordEvent: () => {},
    hostIPOf: () => '10.1.0.1',
    isDown: () => false,
    runtime: { sync: async () => (looks++ === 0 ? first : running), remove: async () => {} } as unknown as PodRuntime,
  });
  informers.informer<Pod>(pods).addHandler({
    updated: ({ status }) => told.push(status?.phase ?? ''),
  });
  informers.start(life.signal);
  void kubelet.run(life.signal);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...ref, name: 'default' } };
  await client.resource(serviceAccounts).create(account);
  const pod = { nodeName: 'n1', containers: [{ name: 'app', image: 'nginx' }], automountServiceAccountToken: false };
  await client.resource<Pod>(pods).create({ apiVersion: 'v1', kind: 'Pod', metadata: ref, spec: pod } as Pod);
  const until = async (done: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 500 && !done(); tries++) await systemClock.sleep(5);
    // What else would come, comes now.
    await systemClock.sleep(40);
  };
  return { client, told, until, looks: () => looks };
}

describe('the kubelet', () => {
  it('tells of a pod that begins and of one that runs, and does not look again because of what it wrote itself', async () => {
    const { client, told, until, looks } = await follow(0);
    await until(() => told.includes('Running'));
    expect(told).toEqual(['Pending', 'Running']);
    expect(looks()).toBe(2);
    await client.resource(pods).patch(ref, 'merge', { metadata: { annotations: { any: 'thing' } } });
    await until(() => looks() > 2);
    expect(looks()).toBe(3);
  });

  it('tells of a pod once, when it runs, while more waits than it can keep up with', async () => {
    const { told, until } = await follow(1000);
    await until(() => told.includes('Running'));
    expect(told).toEqual(['Running']);
  });

  it('tells what keeps a pod from beginning, whatever waits', async () => {
    const { told, until } = await follow(1000, { ...creating, lookAgainAfter: 1000 });
    await until(() => told.length > 0);
    expect(told).toEqual(['Pending']);
  });
});

describe('what pods refer to', () => {
  it('is asked for once a second when it is there, and each time while it is not', async () => {
    api = await startApiServer();
    const { client } = api;
    let now = 0;
    const reader = createReferenceReader(client, { ...systemClock, now: () => now });
    const configMap = { namespace: 'default', name: 'authorities' };
    const exists = (): Promise<boolean> => reader.exists('configmap', 'default', 'authorities');
    expect(await exists()).toBe(false);
    await client.resource(configMaps).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: configMap });
    expect(await exists()).toBe(true);
    await client.resource(configMaps).delete(configMap);
    expect(await exists()).toBe(true);
    now = 1000;
    expect(await exists()).toBe(false);
  });
});
