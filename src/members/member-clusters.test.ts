import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { formatTime } from '../apimachinery/clock.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusterSchema } from '../apis/cluster/v1alpha1/cluster-schema.ts';
import { clusters } from '../apis/resource-types.ts';
import { createClient } from '../client/client.ts';
import { resolveSource } from '../client/connection.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { namespaces } from '../kubernetes/resource-types.ts';
import { createMemberClusters } from './member-clusters.ts';
import { memberConnection } from './member-connection.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const clusterWith = (spec: Partial<Cluster['spec']>): Cluster => ({
  apiVersion: 'cluster.karmada.io/v1alpha1',
  kind: 'Cluster',
  metadata: { name: 'm1', uid: 'u', creationTimestamp: formatTime(0) },
  spec: { syncMode: 'Push', ...spec },
});
const clusterDefinition: ResourceDefinition = {
  type: clusters,
  singular: 'cluster',
  listKind: 'ClusterList',
  shortNames: [],
  categories: [],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  schema: clusterSchema,
  strategicMerge: false,
  hasStatus: true,
  generation: 'spec',
};
const secretRef = { namespace: 'karmada-cluster', name: 'm1' };
const reachable = { apiEndpoint: 'https://m1', secretRef };

describe('memberConnection', () => {
  it.each([
    [{}, {}, 'the api endpoint of cluster m1 is empty'],
    [{ apiEndpoint: 'https://m1' }, {}, 'cluster m1 does not have a secret'],
    [reachable, { caBundle: base64('CA') }, 'the secret for cluster m1 is missing a non-empty value for "token"'],
    [reachable, { token: base64('t') }, 'the secret for cluster m1 is missing a non-empty value for "caBundle"'],
  ])('says what is missing of %j with %j', async (spec, data, message) => {
    await expect(memberConnection(clusterWith(spec), async () => ({ data }))).rejects.toThrow(message);
  });

  it('needs no CA when the cluster is insecure', async () => {
    const cluster = clusterWith({ ...reachable, insecureSkipTLSVerification: true });
    const connection = await memberConnection(cluster, async () => ({ data: { token: base64('t') } }));
    expect(connection.insecure).toBe(true);
    expect(await resolveSource(connection.ca)).toBeUndefined();
  });

  it('reads the Secret again every five minutes, after a 401, and keeps what it has when it cannot', async () => {
    let now = 0;
    const clock = { now: () => now, sleep: async () => {}, setTimeout: () => ({ cancel() {} }) };
    let token = 'first';
    const readSecret = vi.fn(async () => {
      if (token === '') throw new Error('unreachable');
      return { data: { token: base64(token), caBundle: base64('CA') } };
    });
    const connection = await memberConnection(clusterWith(reachable), readSecret, clock);
    token = 'second';
    expect(await resolveSource(connection.token)).toBe('first');
    now += 5 * 60_000;
    expect(await resolveSource(connection.token)).toBe('second');
    token = 'third';
    connection.onUnauthorized?.();
    now += 1000;
    expect(await resolveSource(connection.token)).toBe('third');
    token = '';
    now += 5 * 60_000;
    expect(await resolveSource(connection.token)).toBe('third');
    expect(readSecret).toHaveBeenCalledTimes(4);
  });
});

describe('createMemberClusters', () => {
  let control: TestApiServer;
  let member: TestApiServer;
  let stop: AbortController;
  beforeEach(async () => {
    control = await startApiServer({ resources: [clusterDefinition] });
    member = await startApiServer();
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort(new Error('stopped'));
    await control.stop();
    await member.stop();
  });

  it('shares one connection until the Cluster is reached in another way, and tries again after a failure', async () => {
    const informers = createInformerFactory(control.client);
    let broken = true;
    const members = createMemberClusters({
      client: control.client,
      informers,
      cacheSyncTimeout: 50,
      async connect() {
        if (broken) throw new Error('cluster m1 does not have a secret');
        return createClient(member.server.localTransport());
      },
    });
    informers.start(stop.signal);
    const resource = control.client.resource<Cluster>(clusters);
    await resource.create(clusterWith({ apiEndpoint: 'https://one' }) as never);
    await vi.waitFor(() => expect(members.get('m1')).rejects.toThrow('does not have a secret'));
    expect(members.current('m1')).toBeUndefined();
    broken = false;
    const [first, same] = await Promise.all([members.get('m1'), members.get('m1')]);
    expect(first).toBe(same);
    expect(members.current('m1')).toBe(first);
    expect((await first.syncedInformer(namespaces)).get('default')).toBeDefined();
    const absent = { group: 'x.io', version: 'v1', resource: 'xs', kind: 'X', namespaced: true };
    await expect(first.syncedInformer(absent)).rejects.toThrow(
      'the cache of xs.x.io of cluster m1 was not filled within 50ms',
    );

    const closed: string[] = [];
    members.onClosed((name) => closed.push(name));
    await resource.patch({ name: 'm1' }, 'merge', { metadata: { labels: { a: 'b' } } });
    await resource.patch({ name: 'm1' }, 'merge', { spec: { apiEndpoint: 'https://two' } });
    await vi.waitFor(() => expect(closed).toEqual(['m1']));
    expect(first.signal.aborted).toBe(true);
    expect(await members.get('m1')).not.toBe(first);
    await members.close();
  });
});
