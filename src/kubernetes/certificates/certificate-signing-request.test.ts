import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { kindOf, objectOf } from '../../../test/support/kinds.ts';

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const pem = (type: string) => Buffer.from(`-----BEGIN ${type}-----\nMA==\n-----END ${type}-----\n`).toString('base64');
const spec = (extra: object = {}) => ({
  request: pem('CERTIFICATE REQUEST'),
  signerName: 'example.com/signer',
  usages: ['client auth'],
  ...extra,
});
const body = (name: string, extra: object = {}) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: spec(extra),
});

describe('rules', () => {
  const name = 'certificatesigningrequests.certificates.k8s.io';
  const kind = kindOf(name);
  it.each<[object, string]>([
    [{ request: pem('CERTIFICATE') }, 'PEM block type must be CERTIFICATE REQUEST'],
    [{ usages: [] }, 'Required value'],
    [{ usages: ['flying'] }, 'Unsupported value: "flying"'],
    [{ usages: ['client auth', 'client auth'] }, 'Duplicate value: "client auth"'],
    [{ expirationSeconds: 599 }, 'Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
    [
      { signerName: 'kubernetes.io/legacy-unknown' },
      'Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
    [
      { signerName: 'signer' },
      `Invalid value: "signer": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
    ],
  ])('refuse %j', (extra, message) => {
    const errors = kind.validate?.(objectOf(name, { spec: spec(extra) })) ?? [];
    expect(errors.map((error) => error.message).join('\n')).toContain(message);
  });

  it.each([
    [{}, 'Pending'],
    [{ conditions: [{ type: 'Approved', status: 'True' }], certificate: 'eA==' }, 'Approved,Issued'],
    [
      {
        conditions: [
          { type: 'Failed', status: 'True' },
          { type: 'Approved', status: 'True' },
        ],
      },
      'Approved,Failed',
    ],
    [{ conditions: [{ type: 'Denied', status: 'True' }] }, 'Denied'],
  ])('print %j as %s', (status, condition) => {
    const object = objectOf(name, { spec: spec({ username: 'u', expirationSeconds: 86400 }), status });
    const cells = kind.columns?.map((column) => column.cell(object, Date.now())).slice(2);
    expect(cells).toEqual(['example.com/signer', 'u', '24h', condition]);
  });
});

describe('a request on its way', () => {
  let api: TestApiServer;
  beforeAll(async () => {
    api = await startApiServer();
  });
  afterAll(() => api.stop());

  it('belongs to the caller, whatever the client says, and its spec stays', async () => {
    const server = api.server.localTransport({
      name: 'eve',
      uid: '7',
      groups: ['system:masters'],
      extra: { k: ['v'] },
    });
    const made = await send(server, 'POST', csrs, { body: body('mine', { username: 'root', groups: ['admins'] }) });
    expect(made.status).toBe(201);
    expect(made.body.spec).toMatchObject({
      username: 'eve',
      uid: '7',
      groups: ['system:masters'],
      extra: { k: ['v'] },
    });
    const changed = { ...made.body, spec: spec({ usages: ['server auth'] }) };
    const put = await send(server, 'PUT', `${csrs}/mine`, { body: changed });
    expect(put.body.spec).toEqual(made.body.spec);
  });

  it('is approved at /approval only, and signed at /status only', async () => {
    const server = api.server.localTransport();
    const { body: made } = await send(server, 'POST', csrs, { body: body('walk') });
    const approved = { type: 'Approved', status: 'True', reason: 'KubectlApprove' };
    const byStatus = await send(server, 'PUT', `${csrs}/walk/status`, {
      body: { ...made, status: { conditions: [approved] } },
    });
    expect(byStatus.body.status?.conditions).toBeUndefined();
    const decided = await send(server, 'PUT', `${csrs}/walk/approval`, {
      body: {
        ...made,
        metadata: { name: 'walk', labels: { a: 'b' } },
        status: { conditions: [approved], certificate: pem('CERTIFICATE') },
      },
    });
    expect(decided.status).toBe(200);
    expect(decided.body.metadata.labels).toBeUndefined();
    expect(decided.body.status.certificate).toBeUndefined();
    expect(decided.body.status.conditions).toEqual([
      { ...approved, lastUpdateTime: expect.any(String), lastTransitionTime: expect.any(String) },
    ]);
    const both = await send(server, 'PATCH', `${csrs}/walk/approval`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { status: { conditions: [approved, { type: 'Denied', status: 'True' }] } },
    });
    expect(both.status).toBe(422);
    const signed = await send(server, 'PUT', `${csrs}/walk/status`, {
      body: { ...decided.body, status: { conditions: [], certificate: pem('CERTIFICATE') } },
    });
    expect(signed.body.status).toEqual({ conditions: decided.body.status.conditions, certificate: pem('CERTIFICATE') });
    const again = await send(server, 'PUT', `${csrs}/walk/status`, {
      body: { ...signed.body, status: { ...signed.body.status, certificate: pem('X') } },
    });
    expect(again.body.message).toContain('updates may not modify existing certificate content');
    expect((await send(server, 'DELETE', `${csrs}/walk/approval`)).status).toBe(405);
    const { body: discovered } = await send(server, 'GET', '/apis/certificates.k8s.io/v1');
    expect(discovered.resources.map(({ name }: { name: string }) => name)).toEqual([
      'certificatesigningrequests',
      'certificatesigningrequests/approval',
      'certificatesigningrequests/status',
    ]);
  });
});
