import { expect, it } from 'vitest';
import { startApiServer } from '../../../test/support/api-server.ts';
import { endpointSlices, endpoints, services } from '../../kubernetes/resource-types.ts';
import { parseIpRange } from './ip-range.ts';
import { ensureKubernetesService } from './kubernetes-service.ts';

it('default/kubernetes leads to the API server, follows its port, and is written only when that changes', async () => {
  const serviceCidr = '10.96.0.0/24';
  const { client, store, stop } = await startApiServer({ allocateServices: { serviceCidr } });
  const catalog = { reader: readerOf(client) };
  const ensure = (port: number) =>
    ensureKubernetesService({ catalog, client } as never, parseIpRange(serviceCidr), '127.0.0.1', port);
  const ref = { namespace: 'default', name: 'kubernetes' };
  await ensure(6443);
  const service = await client.resource(services).get(ref);
  expect(service['spec']).toMatchObject({
    clusterIP: '10.96.0.1',
    ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
  });
  expect(service.metadata.labels).toEqual({ component: 'apiserver', provider: 'kubernetes' });
  const before = await store.revision();
  await ensure(6443);
  expect(await store.revision()).toBe(before);
  await ensure(6444);
  expect((await client.resource(endpoints).get(ref))['subsets']).toEqual([
    { addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'https', port: 6444, protocol: 'TCP' }] },
  ]);
  expect((await client.resource(endpointSlices).get(ref))['ports']).toEqual([
    { name: 'https', port: 6444, protocol: 'TCP' },
  ]);
  await stop();
});

/** The catalog's readers, as far as bootstrapping needs them, over the client. */
function readerOf(client: Awaited<ReturnType<typeof startApiServer>>['client']) {
  return (type: typeof services) => ({
    get: (ref: { namespace: string; name: string }) =>
      client
        .resource(type)
        .get(ref)
        .catch(() => undefined),
  });
}
