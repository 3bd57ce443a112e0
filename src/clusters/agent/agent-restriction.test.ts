import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { clusters } from '../../apis/resource-types.ts';
import { type Client, createClient } from '../../client/client.ts';
import { leases, namespaces, secrets } from '../../kubernetes/resource-types.ts';
import { clusterResourceDefinition } from '../cluster-api.ts';
import { agentGroup, agentUser, rbacGeneratorUser } from './agent-identity.ts';
import { createAgentRestriction } from './agent-restriction.ts';
import { createAgentRights } from './agent-rights.ts';

let api: TestApiServer;
let agent: Client;
const as = (name: string, ...groups: string[]): Client =>
  createClient(api.server.localTransport({ name, groups: [...groups, 'system:authenticated'] }));

beforeAll(async () => {
  api = await startApiServer({ resources: [clusterResourceDefinition], admission: [createAgentRestriction()] });
  await createAgentRights(api.client, 'm3', 'karmada-cluster', AbortSignal.timeout(10_000));
  await api.client
    .resource(namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } });
  agent = as(agentUser('m3'), agentGroup);
});
afterAll(() => api.stop());

const cluster = (name: string, spec: object) => ({
  apiVersion: 'cluster.karmada.io/v1alpha1',
  kind: 'Cluster',
  metadata: { name },
  spec: { syncMode: 'Pull', ...spec },
});
const ref = (name: string) => ({ namespace: 'karmada-cluster', name });
const own = { secretRef: ref('m3'), impersonatorSecretRef: ref('m3-impersonator') };
const lease = (namespace: string, name: string) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace, name },
  spec: {},
});
const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: ref(name) });
const create = (type: ResourceType, object: object, client = agent) => client.resource(type).create(object as never);

describe('the agent of a cluster', () => {
  it.each([
    [clusters, cluster('m9', {}), /the agent of cluster "m3" may write its own Cluster only/],
    [clusters, cluster('m3', { syncMode: 'Push' }), /with syncMode Pull only/],
    [clusters, cluster('m3', { ...own, secretRef: ref('m1') }), /may refer to its own Secrets only/],
    [clusters, cluster('m3', { ...own, impersonatorSecretRef: ref('m1-impersonator') }), /its own Secrets only/],
    [leases, lease('karmada-cluster', 'm1'), /its own Leases only/],
    [leases, lease('karmada-system', 'karmada-controller-manager'), /its own Leases only/],
    [leases, { ...lease('karmada-cluster', ''), metadata: { ...ref(''), generateName: 'm' } }, /its own Leases only/],
    [secrets, secret('m1'), /may write its own Secrets only/],
  ] as const)('may not create what is not its own: %#', async (type, object, message) => {
    await expect(create(type, object)).rejects.toThrow(message);
  });

  it('may not take over what others have made', async () => {
    const other = lease('karmada-system', 'karmada-scheduler');
    const stored = await create(leases, other, api.client);
    const changed = { ...stored, spec: { holderIdentity: 'm3' } };
    await expect(agent.resource(leases).update(changed as never)).rejects.toMatchObject({ code: 403 });
    expect(await api.client.resource(leases).get(other.metadata)).toMatchObject({ spec: {} });
  });

  it('may do what it needs to', async () => {
    await create(secrets, secret('m3'));
    await create(secrets, secret('m3-impersonator'));
    await create(clusters, cluster('m3', own));
    const heartbeat = await create(leases, lease('karmada-cluster', 'm3'));
    await agent.resource(leases).update({ ...heartbeat, spec: { holderIdentity: 'm3' } } as never);
    await create(leases, lease('karmada-system', 'karmada-agent-m3'));
    const stored = await agent.resource(clusters).get({ name: 'm3' });
    await agent.resource(clusters).updateStatus({ ...stored, status: { kubernetesVersion: 'v1.36.0' } } as never);
    await agent.resource(clusters).delete({ name: 'm3' });
  });

  it('is not meant by who is none', async () => {
    const admin = as(rbacGeneratorUser, agentGroup, 'system:masters');
    await create(clusters, cluster('m9', { syncMode: 'Push' }), admin);
    await create(clusters, cluster('m10', {}), as(agentUser('m3'), 'system:masters'));
  });
});
