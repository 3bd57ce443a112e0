import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { send, type TestApiServer } from '../../../test/support/api-server.ts';
import { requestFor } from '../../../test/support/certificate-request.ts';
import { startKubeControllers } from '../../../test/support/kube-controllers.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { createClient } from '../../client/client.ts';
import { createCertificateAuthority, type KeyPair, parseCertificateRequest } from '../../component/certificates.ts';
import { certificateSigningRequests, clusterRoleBindings, clusterRoles } from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest } from '../../kubernetes/types.ts';
import { deadlineOf } from './cleaner-controller.ts';
import { signers } from './signers.ts';

let api: TestApiServer;
let ca: KeyPair;
beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'cluster', days: 400 });
  api = await startKubeControllers({
    controllers: ['csrapproving', 'csrcleaner', 'csrsigning'],
    clusterSigning: { ...ca, durationMs: 24 * 3_600_000 },
  });
});
afterAll(() => api.stop());

const until = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 6000, interval: 15 });

const requestPem = async (subject: string, options: Parameters<typeof requestFor>[1] = {}): Promise<string> =>
  (await requestFor(subject, options)).request;

/** `DNS:a,IP:1.2.3.4` */
const namesOf = (text: string) =>
  text.split(',').map((name) => {
    const [type = '', ...value] = name.split(':');
    const types = { DNS: 'dns', IP: 'ip', URI: 'url', email: 'email' } as const;
    return { type: types[type as keyof typeof types], value: value.join(':') };
  });

const requests = () => api.client.resource<CertificateSigningRequest>(certificateSigningRequests);
const body = (name: string, pem: string, spec: object): CertificateSigningRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: {
    request: Buffer.from(pem).toString('base64'),
    signerName: 'kubernetes.io/kube-apiserver-client',
    usages: ['digital signature', 'key encipherment', 'client auth'],
    ...spec,
  },
});
const approve = async (name: string) => {
  const request = await requests().get({ name });
  const conditions = [{ type: 'Approved', status: 'True', reason: 'KubectlApprove' }];
  await requests().update({ ...request, status: { conditions } }, { subresource: 'approval' });
};
const issued = (name: string) =>
  until(async () => {
    const { status } = await requests().get({ name });
    expect(status?.certificate).toBeTruthy();
    return new X509Certificate(Buffer.from(status?.certificate ?? '', 'base64'));
  });

describe('an approved request', () => {
  it.each(['rsa', 'ec'] as const)('with an %s key is signed: subject, usages, authority, life', async (key) => {
    const name = `agent-${key}`;
    await requests().create(
      body(name, await requestPem('/O=system:karmada:agents/CN=system:karmada:agent:m1', { key }), {}),
    );
    await approve(name);
    const certificate = await issued(name);
    expect(certificate.subject).toBe('O=system:karmada:agents\nCN=system:karmada:agent:m1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(new X509Certificate(ca.cert).publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    const life = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
    expect(life).toBe(24 * 3_600_000);
  });

  it('lives as short as it asks', async () => {
    await requests().create(body('short', await requestPem('/CN=a'), { expirationSeconds: 600 }));
    await approve('short');
    const certificate = await issued('short');
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(600_000);
  });

  it('keeps its alternative names', async () => {
    const pem = await requestPem('/O=system:nodes/CN=system:node:n1', {
      names: namesOf('DNS:n1.example.com,IP:10.0.0.1'),
    });
    const usages = ['digital signature', 'server auth'];
    await requests().create(body('serving', pem, { signerName: 'kubernetes.io/kubelet-serving', usages }));
    await approve('serving');
    expect((await issued('serving')).subjectAltName).toBe('DNS:n1.example.com, IP Address:10.0.0.1');
  });

  it('that its signer refuses fails, and says why', async () => {
    const signerName = 'kubernetes.io/kubelet-serving';
    await requests().create(body('wrong', await requestPem('/CN=system:node:n1'), { signerName }));
    await approve('wrong');
    const { status } = await until(async () => {
      const request = await requests().get({ name: 'wrong' });
      expect(request.status?.conditions).toHaveLength(2);
      return request;
    });
    expect(status?.conditions?.[1]).toMatchObject({
      type: 'Failed',
      reason: 'SignerValidationFailure',
      message: 'subject organization is not system:nodes',
    });
  });

  it('of another signer is left to it', async () => {
    await requests().create(body('foreign', await requestPem('/CN=a'), { signerName: 'example.com/mine' }));
    await requests().create(body('witness', await requestPem('/CN=a'), {}));
    await approve('foreign');
    await approve('witness');
    await issued('witness');
    expect((await requests().get({ name: 'foreign' })).status?.certificate).toBeUndefined();
  });
});

describe('the rights on a request', () => {
  it('are by signer: approving', async () => {
    await requests().create(body('rights', await requestPem('/CN=a'), {}));
    const group = 'certificates.k8s.io';
    const user = { name: 'officer', groups: ['system:authenticated'] };
    await api.client.resource(clusterRoles).create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'officer' },
      rules: [
        { apiGroups: [group], resources: ['certificatesigningrequests'], verbs: ['get'] },
        {
          apiGroups: [group],
          resources: ['certificatesigningrequests/approval', 'certificatesigningrequests/status'],
          verbs: ['update'],
        },
      ],
    });
    await api.client.resource(clusterRoleBindings).create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'officer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'officer' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'officer' }],
    });
    const client = createClient(api.server.localTransport(user)).resource<CertificateSigningRequest>(
      certificateSigningRequests,
    );
    const request = await client.get({ name: 'rights' });
    const approved = { ...request, status: { conditions: [{ type: 'Approved', status: 'True', reason: 'x' }] } };
    await expect(client.update(approved, { subresource: 'approval' })).rejects.toThrow(
      'certificatesigningrequests.certificates.k8s.io "rights" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
    );
    const signed = { ...request, status: { certificate: Buffer.from(ca.cert).toString('base64') } };
    await expect(client.updateStatus(signed)).rejects.toThrow(
      'user not permitted to sign requests with signerName "kubernetes.io/kube-apiserver-client"',
    );
    await api.client.resource(clusterRoles).patch({ name: 'officer' }, 'json', [
      {
        op: 'add',
        path: '/rules/-',
        value: { apiGroups: [group], resources: ['signers'], resourceNames: ['kubernetes.io/*'], verbs: ['approve'] },
      },
    ]);
    await client.update(approved, { subresource: 'approval' });
    await issued('rights');
  });

  it('never make a member of system:masters', async () => {
    const pem = await requestPem('/O=system:masters/CN=root');
    const reply = await send(
      api.server.localTransport(),
      'POST',
      '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      {
        body: body('masters', pem, {}),
      },
    );
    expect([reply.status, reply.body.message]).toEqual([
      403,
      'certificatesigningrequests.certificates.k8s.io "masters" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
    ]);
  });
});

describe("a kubelet's request", () => {
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  const bind = (role: string, name: string) =>
    api.client.resource(clusterRoleBindings).create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `${role}-${name.replaceAll(':', '-')}` },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: `system:certificates.k8s.io:certificatesigningrequests:${role}`,
      },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    });
  const ask = async (user: string, name: string, subject: string) =>
    createClient(api.server.localTransport({ name: user, groups: ['system:masters'] }))
      .resource<CertificateSigningRequest>(certificateSigningRequests)
      .create(body(name, await requestPem(subject), { signerName }));

  it('is approved for who may have it, and signed', async () => {
    await bind('nodeclient', 'joiner');
    await bind('selfnodeclient', 'system:node:old');
    const group = createClient(api.server.localTransport({ name: 'joiner', groups: ['system:bootstrappers'] }));
    await api.client.resource(clusterRoleBindings).create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'bootstrappers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-bootstrapper' },
      subjects: [
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:bootstrappers' },
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' },
      ],
    });
    await group
      .resource<CertificateSigningRequest>(certificateSigningRequests)
      .create(body('new-node', await requestPem('/O=system:nodes/CN=system:node:new'), { signerName }));
    expect((await issued('new-node')).subject).toBe('O=system:nodes\nCN=system:node:new');
    const node = createClient(api.server.localTransport({ name: 'system:node:old', groups: ['system:nodes'] }));
    const own = node.resource<CertificateSigningRequest>(certificateSigningRequests);
    await own.create(body('own', await requestPem('/O=system:nodes/CN=system:node:old'), { signerName }));
    await issued('own');
    const { status } = await requests().get({ name: 'own' });
    expect(status?.conditions?.[0]).toMatchObject({
      type: 'Approved',
      reason: 'AutoApproved',
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    });
    // A node may renew its own certificate, not take another's name.
    await own.create(body('other', await requestPem('/O=system:nodes/CN=system:node:victim'), { signerName }));
    await own.create(body('own-again', await requestPem('/O=system:nodes/CN=system:node:old'), { signerName }));
    await issued('own-again');
    expect((await requests().get({ name: 'other' })).status?.conditions).toBeUndefined();
  });

  it('that is none of a node waits for somebody', async () => {
    await ask('joiner', 'no-node', '/O=people/CN=jane');
    await ask('joiner', 'node-after', '/O=system:nodes/CN=system:node:after');
    await issued('node-after');
    expect((await requests().get({ name: 'no-node' })).status?.conditions).toBeUndefined();
  });
});

describe('signers', () => {
  const client = ['digital signature', 'key encipherment', 'client auth'];
  const server = ['digital signature', 'key encipherment', 'server auth'];
  const node = '/O=system:nodes/CN=system:node:n';
  it.each<[string, string, string | undefined, string[], string | undefined]>([
    ['kube-apiserver-client', '/CN=a', undefined, client, undefined],
    ['kube-apiserver-client', '/CN=a', undefined, ['client auth'], undefined],
    [
      'kube-apiserver-client',
      '/CN=a',
      undefined,
      ['server auth', 'client auth'],
      'invalid usage for client certificate: server auth',
    ],
    [
      'kube-apiserver-client',
      '/CN=a',
      undefined,
      ['digital signature'],
      'missing required usage for client certificate: client auth',
    ],
    ['kube-apiserver-client-kubelet', node, undefined, client, undefined],
    ['kube-apiserver-client-kubelet', node, undefined, ['digital signature', 'client auth'], undefined],
    [
      'kube-apiserver-client-kubelet',
      node,
      undefined,
      server,
      'usages did not match [client auth digital signature key encipherment]',
    ],
    [
      'kube-apiserver-client-kubelet',
      '/CN=system:node:n',
      undefined,
      client,
      'subject organization is not system:nodes',
    ],
    [
      'kube-apiserver-client-kubelet',
      '/O=system:nodes/O=x/CN=system:node:n',
      undefined,
      client,
      'subject organization is not system:nodes',
    ],
    [
      'kube-apiserver-client-kubelet',
      '/O=system:nodes/CN=n',
      undefined,
      client,
      'subject common name does not begin with system:node:',
    ],
    ['kube-apiserver-client-kubelet', node, 'DNS:n', client, 'DNS subjectAltNames are not allowed'],
    ['kube-apiserver-client-kubelet', node, 'IP:10.0.0.1', client, 'IP subjectAltNames are not allowed'],
    ['kubelet-serving', node, 'IP:10.0.0.1', server, undefined],
    ['kubelet-serving', node, undefined, server, 'DNS or IP subjectAltName is required'],
    ['kubelet-serving', node, 'DNS:n,URI:http://x', server, 'URI subjectAltNames are not allowed'],
    ['kubelet-serving', node, 'DNS:n,email:a@b.c', server, 'Email subjectAltNames are not allowed'],
    ['kubelet-serving', node, 'DNS:n', client, 'usages did not match [digital signature key encipherment server auth]'],
  ])('%s: %s with %s for %j → %s', async (signer, subject, names, usages, refusal) => {
    const parsed = await parseCertificateRequest(
      await requestPem(subject, names === undefined ? {} : { names: namesOf(names) }),
    );
    expect(signers[`kubernetes.io/${signer}`]?.(parsed, usages)).toBe(refusal);
  });
});

describe('requests that nobody waits for', () => {
  const created = '2026-01-01T00:00:00Z';
  const later = '2026-01-01T02:00:00Z';
  const at = (hours: number) => Date.parse(created) + hours * 3_600_000;
  const request = (status: object) => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'x', creationTimestamp: created },
    spec: body('x', '', {}).spec,
    status,
  });
  it.each<[string, object, number]>([
    ['pending', {}, 24],
    ['approved, not issued', { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: later }] }, 24],
    ['denied', { conditions: [{ type: 'Denied', status: 'True', lastUpdateTime: later }] }, 3],
    ['failed', { conditions: [{ type: 'Failed', status: 'True', lastUpdateTime: later }] }, 3],
    ['issued', { certificate: 'eA==', conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: later }] }, 3],
  ])('go: %s', (_what, status, hours) => {
    expect(deadlineOf(request(status))).toBe(at(hours));
  });

  it('are deleted', async () => {
    await requests().create(body('denied', await requestPem('/CN=a'), {}));
    const stored = await requests().get({ name: 'denied' });
    const conditions = [{ type: 'Denied', status: 'True', lastUpdateTime: '2020-01-01T00:00:00Z' }];
    await requests().update({ ...stored, status: { conditions } }, { subresource: 'approval' });
    await until(() => expect(requests().get({ name: 'denied' })).rejects.toSatisfy(isNotFound));
  });
});
