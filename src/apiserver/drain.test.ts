import { EventEmitter, once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { expect, it } from 'vitest';
import { startApiServer } from '../../test/support/api-server.ts';
import { createCertificateAuthority, issueCertificate } from '../component/certificates.ts';
import { createMemoryStore } from '../storage/memory/memory-store.ts';
import type { AdmissionRequest } from './admission/plugin.ts';

it('finishes at stop what it works on, ends watches, and takes nothing new', async () => {
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  const leaf = await issueCertificate(ca, {
    commonName: 'server',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const gate = new EventEmitter();
  const reached = once(gate, 'reached');
  const released = once(gate, 'released').then(() => undefined);
  const slow = {
    name: 'Slow',
    handles: ({ name }: AdmissionRequest) => name === 'slow',
    validate: () => {
      gate.emit('reached');
      return released;
    },
  };
  const store = createMemoryStore();
  const api = await startApiServer({ store, admission: [slow], clientCa: ca.cert, serving: { port: 0, ...leaf } });
  const session = connectHttp2(api.server.url, { ca: ca.cert, cert: admin.cert, key: admin.key });
  const configMaps = '/api/v1/namespaces/default/configmaps';

  const watch = session.request({ ':path': `${configMaps}?watch=true` });
  await once(watch, 'response');
  const create = session.request({ ':method': 'POST', ':path': configMaps, 'content-type': 'application/json' });
  create.end(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'slow' } }));
  const answered = once(create, 'response');
  const told = create.setEncoding('utf8').toArray();
  await reached;

  const stopped = api.server.stop();
  await watch.resume().toArray();
  const late = connectTcp(Number(new URL(api.server.url).port), '127.0.0.1');
  expect(await once(late, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  gate.emit('released');
  expect((await answered)[0]).toMatchObject({ ':status': 201 });
  expect(JSON.parse((await told).join(''))).toMatchObject({ metadata: { name: 'slow' } });
  await stopped;
  const { kvs } = await store.range('');
  expect(kvs.some(({ key }) => key.endsWith('/default/slow'))).toBe(true);
  session.destroy();
  await api.client.close();
  await store.close();
});
