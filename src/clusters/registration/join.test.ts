import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { startKubeControllers } from '../../../test/support/kube-controllers.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import { namespaces, secrets, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import { clusterResourceDefinition } from '../cluster-api.ts';
import { joinCluster } from './join.ts';

let controlPlane: TestApiServer;
let member: TestApiServer;
beforeEach(async () => {
  controlPlane = await startApiServer({ resources: [clusterResourceDefinition] });
  member = await startKubeControllers();
});
afterEach(async () => {
  await controlPlane.stop();
  await member.stop();
});

const options = () => ({
  clusterName: 'm1',
  controlPlane: controlPlane.client,
  member: member.client,
  endpoint: { server: 'https://member:6443', insecure: true },
});
const secret = (name: string) =>
  controlPlane.client.resource<Secret>(secrets).get({ namespace: 'karmada-cluster', name });

describe('joinCluster', () => {
  it('takes over what an earlier, broken-off join has left', async () => {
    const unreachable = {
      ...controlPlane.client,
      resource: ((type) => {
        const resource = controlPlane.client.resource(type);
        return type === clusters
          ? { ...resource, create: () => Promise.reject(new Error('connection reset')) }
          : resource;
      }) as typeof controlPlane.client.resource,
    };
    await expect(joinCluster({ ...options(), controlPlane: unreachable })).rejects.toThrow(
      'failed to create cluster(m1) object. error: connection reset',
    );
    const token = (await secret('m1')).data?.['token'];
    const cluster = await joinCluster(options());
    expect(cluster?.spec).toMatchObject({ apiEndpoint: 'https://member:6443', insecureSkipTLSVerification: true });
    expect((await secret('m1')).data?.['token']).toBe(token);
  });

  it('uses a Secret that is there already without changing it', async () => {
    await controlPlane.client
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-cluster' } });
    await controlPlane.client.resource<Secret>(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'm1', namespace: 'karmada-cluster' },
      data: { token: 'bWluZQ==' },
    });
    await joinCluster(options());
    expect((await secret('m1')).data).toEqual({ token: 'bWluZQ==' });
    expect((await secret('m1')).metadata.ownerReferences).toHaveLength(1);
    expect(Object.keys((await secret('m1-impersonator')).data ?? {})).toEqual(['token']);
  });

  it('replaces credentials that an earlier Cluster of this name has left behind', async () => {
    await joinCluster(options());
    const { data } = await secret('m1');
    const { client } = controlPlane;
    await client.resource<Secret>(secrets).update({ ...(await secret('m1')), data: { token: 'b2xk' } });
    await client.resource(clusters).delete({ name: 'm1' });
    const cluster = await joinCluster(options());
    const after = await secret('m1');
    expect(after.data).toEqual(data);
    expect(after.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([cluster?.metadata.uid]);
  });

  it('says which token it did not get', async () => {
    const silent = await startApiServer();
    try {
      await expect(joinCluster({ ...options(), member: silent.client, tokenTimeoutMs: 100 })).rejects.toThrow(
        'failed to get serviceAccount secret for impersonation from cluster(m1), error: timed out waiting for the condition',
      );
      expect((await silent.client.resource(serviceAccounts).list({ namespace: 'karmada-cluster' })).items).toHaveLength(
        1,
      );
    } finally {
      await silent.stop();
    }
  });

  it('refuses the same cluster under another name', async () => {
    const { spec } = (await joinCluster(options())) as Cluster;
    await expect(joinCluster({ ...options(), clusterName: 'm2' })).rejects.toThrow(
      `the cluster ID ${spec.id} or the cluster name m2 has been registered`,
    );
  });
});
