/**
 * The certificate of an agent over its whole life, on servers whose clock is ahead: from the Secret through the mounted file into the
 * connection that the agent holds open all the time.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { eventually } from '../../../test/support/control-plane.ts';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isStatus } from '../../apimachinery/status-error.ts';
import { createClient } from '../../client/client.ts';
import { createTransport } from '../../client/http-transport.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { createKubeControllers } from '../../kube-controllers/kube-controllers.ts';
import {
  certificateSigningRequests,
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  secrets,
} from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import { createAgentCsrApprovingController } from './agent-csr-approving-controller.ts';
import { agentGroup, agentUser } from './agent-identity.ts';
import { agentKubeconfigSecret, createCertificateRotation } from './certificate-rotation.ts';
import { controlPlaneConnection } from './control-plane-connection.ts';

const hour = 3_600_000;
/** Added to the time of everything here. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + ahead };
const ref = { namespace: 'karmada-system', name: agentKubeconfigSecret };
const life = new AbortController();
const running: Promise<unknown>[] = [];
let ca: KeyPair;
let api: TestApiServer;
let member: TestApiServer;
let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rotation-'));
  ca = await createCertificateAuthority({ commonName: 'ca', days: 400 });
  const leaf = await issueCertificate(ca, {
    commonName: 'api',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 9,
  });
  api = await startApiServer({ clock, clientCa: ca.cert, serving: { port: 0, ...leaf } });
  member = await startApiServer();
  const { client } = api;
  const informers = createInformerFactory(client);
  const clusterSigning = { ...ca, durationMs: 24 * hour };
  const runnables = [
    createKubeControllers({ client, informers, controllers: ['csrsigning'], clusterSigning, clock }),
    createAgentCsrApprovingController({ client, informers }),
  ];
  informers.start(life.signal);
  await informers.whenSynced(life.signal);
  for (const runnable of runnables) running.push(runnable.run(life.signal));
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiGroups = ['certificates.k8s.io'];
  const resources = ['certificatesigningrequests', 'certificatesigningrequests/selfclusteragent'];
  await client.resource<Unstructured>(clusterRoles).create({
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'agents' },
    rules: [{ apiGroups, resources, verbs: ['create', 'get', 'list'] }],
  } as Unstructured);
  await client.resource<Unstructured>(clusterRoleBindings).create({
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'agents' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'agents' },
    subjects: [{ apiGroup, kind: 'Group', name: agentGroup }],
  } as Unstructured);
  await member.client
    .resource(namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: ref.namespace } });
});
afterAll(async () => {
  life.abort(new Error('stopped'));
  await Promise.allSettled(running);
  await member.stop();
  await api.stop();
  rmSync(folder, { recursive: true });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('an agent whose certificate runs out', () => {
  it('goes on with a new one, on a connection that was open all the time', async () => {
    const names = { commonName: agentUser('pulled'), organizations: [agentGroup] };
    const first = await issueCertificate(ca, { ...names, days: 1, usages: ['client'] });
    const user = { 'client-certificate-data': base64(first.cert), 'client-key-data': base64(first.key) };
    const cluster = { server: api.server.url, 'certificate-authority-data': base64(ca.cert) };
    const config = stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'karmada',
      clusters: [{ name: 'karmada', cluster }],
      contexts: [{ name: 'karmada', context: { cluster: 'karmada', user: 'agent' } }],
      users: [{ name: 'agent', user }],
    });
    const data = { [agentKubeconfigSecret]: base64(config) };
    const kept = member.client.resource<Secret>(secrets);
    await kept.create({ apiVersion: 'v1', kind: 'Secret', metadata: ref, data });
    const file = join(folder, 'config');
    writeFileSync(file, config);

    const agent = createClient(createTransport(controlPlaneConnection(file, undefined)));
    const listed = () => agent.resource(certificateSigningRequests).list();
    // A watch keeps the first connection in use.
    const watching = new AbortController();
    const watch = (async () => {
      for await (const _ of agent.resource(certificateSigningRequests).watch({ signal: watching.signal }));
    })().catch(() => {});
    await listed();
    let looked = 0;
    const sleep: Clock['sleep'] = (_ms, signal) => {
      looked++;
      return systemClock.sleep(20, signal);
    };
    const rotation = createCertificateRotation({
      controlPlane: agent,
      member: member.client,
      secretNamespace: ref.namespace,
      intervalMs: 300_000,
      remainingThreshold: 0.2,
      clock: { ...clock, sleep },
    });
    running.push(rotation.run(life.signal));
    await eventually(() => expect(looked).toBeGreaterThan(2));
    expect((await kept.get(ref)).data).toEqual(data);

    ahead = 20 * hour;
    const renewed = await eventually(async () => {
      const now = (await kept.get(ref)).data?.[agentKubeconfigSecret] ?? '';
      expect(now).not.toBe(data[agentKubeconfigSecret]);
      return Buffer.from(now, 'base64').toString();
    });
    // Nobody has mounted it yet, and the first is good for four hours more.
    await listed();
    ahead = 25 * hour;
    await expect(listed()).rejects.toSatisfy((error) => isStatus(error, 'Unauthorized'));
    writeFileSync(file, renewed);
    // Whoever was sent on the old connection goes on, not the first alone.
    await Promise.all([listed(), listed(), listed()]);
    await listed();
    watching.abort();
    await watch;
    await agent.close();
  });
});
