import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { eventually } from '../../test/support/control-plane.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import { propagationPolicies, resourceBindings, works } from '../apis/resource-types.ts';
import { bindingConverters } from '../apis/work/binding-conversion.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { watchKeyPair } from '../component/watched-key-pair.ts';
import {
  configMaps,
  customResourceDefinitions,
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
} from '../kubernetes/resource-types.ts';
import { createKarmadaAdmissionPlugin } from './admission-plugin.ts';
import { karmadaKindRules } from './kind-rules.ts';
import { webhookConfigurations, withConversion } from './webhook-configurations.ts';
import { serveWebhooks, type WebhookServer } from './webhook-server.ts';

const rules = karmadaKindRules({
  customizations: { list: async () => [], compile: async () => {} },
  newId: () => 'an-id',
});

let ca: KeyPair;
let leaf: KeyPair;
let hooks: WebhookServer;
let url: string;
/** An API server that knows nothing of Karmada but its definitions. */
let api: TestApiServer;

const issue = () =>
  issueCertificate(ca, { commonName: 'hook', ipAddresses: ['127.0.0.1'], days: 1, usages: ['server'] });

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  leaf = await issue();
  hooks = await serveWebhooks({ host: '127.0.0.1', port: 0, ...leaf, rules });
  url = `https://127.0.0.1:${hooks.address.port}`;
  api = await startApiServer();
  const definitions = api.client.resource(customResourceDefinitions);
  for (const definition of withConversion(karmadaCustomResourceDefinitions(), url, ca.cert))
    await definitions.create(definition);
  await eventually(() => api.client.resource(works).list({ limit: 1 }));
  const [mutating, validating] = webhookConfigurations({ rules, url, ca: ca.cert }) as [Unstructured, Unstructured];
  await api.client.resource(mutatingWebhookConfigurations).create(mutating);
  await api.client.resource(validatingWebhookConfigurations).create(validating);
});
afterAll(async () => {
  await api.stop();
  await hooks.stop();
});

const policy = (spec: object): Unstructured => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'PropagationPolicy',
  metadata: { name: 'pp', namespace: 'default' },
  spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], ...spec },
});

describe('an API server that calls karmada-webhook', () => {
  it('gets defaults', async () => {
    const created = await api.client
      .resource(propagationPolicies)
      .create(policy({ placement: { spreadConstraints: [{ maxGroups: 2 }] } }));
    expect(created.metadata.labels).toEqual({ 'propagationpolicy.karmada.io/permanent-id': 'an-id' });
    expect(created.metadata.finalizers).toEqual(['karmada.io/propagation-policy-controller']);
    expect(created['spec']).toMatchObject({
      resourceSelectors: [{ namespace: 'default' }],
      placement: { spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: 2 }] },
    });
  });

  it('refuses what the rules refuse, in their words', async () => {
    const bad = policy({ placement: { spreadConstraints: [{ minGroups: 3, maxGroups: 2 }] } });
    await expect(api.client.resource(propagationPolicies).create(bad)).rejects.toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'admission webhook "propagationpolicy.karmada.io" denied the request: spec.placement.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","maxGroups":2,"minGroups":3}: maxGroups lower than minGroups is not allowed',
    });
  });

  it('prunes and stamps the manifests of Works, and refuses one that names no kind', async () => {
    const work = (manifest: object): Unstructured => ({
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'Work',
      metadata: { name: `w-${Math.random()}`, namespace: 'default' },
      spec: { workload: { manifests: [manifest] } },
    });
    const created = await api.client
      .resource(works)
      .create(work({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', uid: 'gone' } }));
    expect((created['spec'] as { workload: { manifests: Unstructured[] } }).workload.manifests[0]?.metadata).toEqual({
      name: 'c',
      labels: { 'work.karmada.io/permanent-id': 'an-id' },
      annotations: {
        'resourcetemplate.karmada.io/managed-annotations':
          'resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels',
        'resourcetemplate.karmada.io/managed-labels': 'work.karmada.io/permanent-id',
      },
    });
    await expect(
      api.client.resource(works).create(work({ apiVersion: 'v1', metadata: { name: 'c' } })),
    ).rejects.toThrow(/Kind/);
  });

  it('keeps protected objects of any kind', async () => {
    const maps = api.client.resource(configMaps);
    const label = 'resourcetemplate.karmada.io/deletion-protected';
    const ref = { namespace: 'default', name: 'kept' };
    await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...ref, labels: { [label]: 'Always' } } });
    await expect(maps.delete(ref)).rejects.toMatchObject({
      code: 403,
      message: `admission webhook "resourcedeletionprotection.karmada.io" denied the request: This resource is protected, please make sure to remove the label: ${label}`,
    });
    await maps.patch(ref, 'merge', { metadata: { labels: { [label]: null } } });
    await maps.delete(ref);
  });

  it('leaves bindings of an id alone', async () => {
    const label = 'resourcebinding.karmada.io/permanent-id';
    const created = await api.client.resource(resourceBindings).create({
      apiVersion: 'work.karmada.io/v1alpha2',
      kind: 'ResourceBinding',
      metadata: { name: 'rb', namespace: 'default', labels: { [label]: 'mine' } },
      spec: { resource: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' } },
    } as Unstructured);
    expect(created.metadata.labels).toEqual({ [label]: 'mine' });
  });

  it('serves bindings in their first version, too', async () => {
    const older = await api.client.resource({ ...resourceBindings, version: 'v1alpha1' }).create({
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'ResourceBinding',
      metadata: { name: 'older', namespace: 'default' },
      spec: { resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', replicas: 3 } },
    } as Unstructured);
    expect(older['spec']).toMatchObject({ resource: { replicas: 3 } });
    const stored = await api.client.resource(resourceBindings).get({ namespace: 'default', name: 'older' });
    expect(stored['spec']).toMatchObject({ resource: { name: 'x' }, replicas: 3 });
    expect(stored.metadata.labels).toEqual({ 'resourcebinding.karmada.io/permanent-id': 'an-id' });
  });
});

describe('our own API server', () => {
  it('does the same without a webhook', async () => {
    const own = await startApiServer({
      converters: bindingConverters,
      admission: [createKarmadaAdmissionPlugin({ customizations: { list: async () => [], compile: async () => {} } })],
    });
    try {
      for (const definition of karmadaCustomResourceDefinitions())
        await own.client.resource(customResourceDefinitions).create(definition);
      const bindings = own.client.resource({ ...resourceBindings, version: 'v1alpha1' });
      await eventually(() => bindings.list({ limit: 1 }));
      await bindings.create({
        apiVersion: 'work.karmada.io/v1alpha1',
        kind: 'ResourceBinding',
        metadata: { name: 'older', namespace: 'default' },
        spec: { resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', replicas: 3 } },
      } as Unstructured);
      const stored = await own.client.resource(resourceBindings).get({ namespace: 'default', name: 'older' });
      expect(stored['spec']).toMatchObject({ resource: { name: 'x' }, replicas: 3 });
      expect(stored.metadata.labels?.['resourcebinding.karmada.io/permanent-id']).toBeDefined();
      const [listed] = (await bindings.list()).items;
      expect(listed).toMatchObject({ apiVersion: 'work.karmada.io/v1alpha1', spec: { resource: { replicas: 3 } } });
    } finally {
      await own.stop();
    }
  });
});

function post(path: string, body: string, method = 'POST'): Promise<{ status: number; text: string; issuer: string }> {
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, url), { method, ca: ca.cert, agent: false }, (response) => {
      const issuer = (response.socket as import('node:tls').TLSSocket).getPeerCertificate().fingerprint256;
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, issuer }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

describe('karmada-webhook', () => {
  it.each([
    ['/mutate-propagationpolicy', 'POST', '{', 400, 'the body is not JSON'],
    ['/mutate-propagationpolicy', 'POST', '{}', 400, 'Kind=AdmissionReview is expected'],
    ['/mutate-propagationpolicy', 'GET', '', 400, 'POST'],
    ['/convert', 'POST', '[]', 400, 'Kind=ConversionReview is expected'],
    ['/nowhere', 'POST', '{}', 404, 'could not find'],
    ['/readyz/', 'GET', '', 200, '{}'],
  ])('answers %s %s %s with %d', async (path, method, body, status, text) => {
    const reply = await post(path, body, method);
    expect(reply.status).toBe(status);
    expect(reply.text).toContain(text);
  });

  it('refuses bodies past its limit', async () => {
    const reply = await post('/convert', ' '.repeat(9 * 1024 * 1024)).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (typeof reply === 'object') expect(reply.status).toBe(413);
    else expect(['EPIPE', 'ECONNRESET']).toContain(reply);
  });

  it('converts bindings, and says what it cannot convert', async () => {
    const ask = async (desiredAPIVersion: string) => {
      const objects = [
        {
          apiVersion: 'work.karmada.io/v1alpha2',
          kind: 'ResourceBinding',
          metadata: { name: 'x' },
          spec: { resource: { apiVersion: 'v1', kind: 'ConfigMap', name: 'c' }, replicas: 2 },
        },
      ];
      const review = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'ConversionReview',
        request: { uid: 'u', desiredAPIVersion, objects },
      };
      return JSON.parse((await post('/convert', JSON.stringify(review))).text).response;
    };
    expect(await ask('work.karmada.io/v1alpha1')).toMatchObject({
      uid: 'u',
      result: { status: 'Success' },
      convertedObjects: [{ apiVersion: 'work.karmada.io/v1alpha1', spec: { resource: { replicas: 2 } } }],
    });
    expect(await ask('work.karmada.io/v9')).toMatchObject({
      result: { status: 'Failed', message: expect.stringContaining('cannot convert ResourceBinding') },
    });
  });

  it('takes up a certificate that was replaced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'webhook-'));
    const write = async (pair: KeyPair) => {
      await writeFile(join(folder, 'tls.crt'), pair.cert);
      await writeFile(join(folder, 'tls.key'), pair.key);
    };
    try {
      await write(leaf);
      const certificate = watchKeyPair(join(folder, 'tls.crt'), join(folder, 'tls.key'));
      expect(certificate.changed()).toBeUndefined();
      const before = (await post('/readyz', '', 'GET')).issuer;
      await write(await issue());
      const pair = await eventually(() => {
        const found = certificate.changed();
        if (found === undefined) throw new Error('not seen yet');
        return Promise.resolve(found);
      });
      hooks.useCertificate(pair);
      expect((await post('/readyz', '', 'GET')).issuer).not.toBe(before);
      expect(() => watchKeyPair(join(folder, 'none.crt'), join(folder, 'tls.key'))).toThrow('none.crt');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
