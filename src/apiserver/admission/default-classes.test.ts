import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Transport } from '../../client/transport.ts';

let api: TestApiServer;
let server: Transport;
beforeAll(async () => {
  api = await startApiServer();
  server = api.server.localTransport();
});
afterAll(() => api.stop());

const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
const ingresses = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
const isDefault = { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } };
const storageClass = (name: string, metadata: object = {}) =>
  send(server, 'POST', '/apis/storage.k8s.io/v1/storageclasses', {
    body: { metadata: { name, ...metadata }, provisioner: 'example.com/disk' },
  });
const claim = (name: string, spec: object = {}) =>
  send(server, 'POST', claims, {
    body: {
      metadata: { name },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    },
  });

describe('DefaultStorageClass', () => {
  it('leaves claims alone while there is no default, and fills it in once there is', async () => {
    await storageClass('slow');
    expect((await claim('none')).body.spec.storageClassName).toBeUndefined();
    await storageClass('fast', isDefault);
    await vi.waitFor(async () =>
      expect((await claim(`c${Math.random().toString(36).slice(2)}`)).body.spec.storageClassName).toBe('fast'),
    );
    expect((await claim('own', { storageClassName: 'slow' })).body.spec.storageClassName).toBe('slow');
    expect((await claim('empty', { storageClassName: '' })).body.spec.storageClassName).toBe('');
  });
});

describe('DefaultIngressClass', () => {
  it('gives an Ingress its class unless the old annotation does', async () => {
    await send(server, 'POST', '/apis/networking.k8s.io/v1/ingressclasses', {
      body: {
        metadata: { name: 'main', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
        spec: { controller: 'example.com/ingress' },
      },
    });
    const backend = { service: { name: 's', port: { number: 80 } } };
    const ingress = (metadata: object) =>
      send(server, 'POST', ingresses, { body: { metadata, spec: { defaultBackend: backend } } });
    await vi.waitFor(async () => {
      const { body } = await ingress({ name: `i${Math.random().toString(36).slice(2)}` });
      expect(body.spec.ingressClassName).toBe('main');
    });
    const old = await ingress({ name: 'old', annotations: { 'kubernetes.io/ingress.class': 'other' } });
    expect(old.body.spec.ingressClassName).toBeUndefined();
  });
});
