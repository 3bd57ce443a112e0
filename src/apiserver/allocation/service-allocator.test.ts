import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { services } from '../../kubernetes/resource-types.ts';
import type { Service } from '../../kubernetes/types.ts';
import { formatIp, parseIp, parseIpRange } from './ip-range.ts';

const allocateServices = { serviceCidr: '10.96.0.0/24', nodePorts: [30000, 30020] as const };
let test: TestApiServer;
beforeEach(async () => {
  test = await startApiServer({ allocateServices });
});
afterEach(() => test.stop());

type Spec = NonNullable<Service['spec']>;
const service = (name: string, spec: Spec = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ port: 80 }], selector: { app: 'x' }, ...spec },
});
const resource = () => test.client.resource<Service>(services);
const create = (name: string, spec?: Spec) => resource().create(service(name, spec));
const claims = async () => (await test.store.range('/allocations/')).kvs.map(({ key }) => key);

describe('clusterIPs', () => {
  it('come from the range, never the network, .1 or the broadcast address', async () => {
    const created = await Promise.all(Array.from({ length: 253 }, (_, i) => create(`s${i}`)));
    const addresses = created.map(({ spec }) => spec?.clusterIP ?? '');
    expect(new Set(addresses).size).toBe(253);
    for (const address of addresses) {
      expect(address).toMatch(/^10\.96\.0\.\d+$/);
      expect(['10.96.0.0', '10.96.0.1', '10.96.0.255']).not.toContain(address);
    }
    expect(created[0]?.spec?.clusterIPs).toEqual([addresses[0]]);
    await expect(create('one-too-many')).rejects.toMatchObject({
      code: 500,
      message: expect.stringContaining('range is full'),
    });
  });

  it('may be asked for, once', async () => {
    expect((await create('a', { clusterIP: '10.96.0.7' })).spec?.clusterIPs).toEqual(['10.96.0.7']);
    await expect(create('b', { clusterIP: '10.96.0.7' })).rejects.toMatchObject({
      code: 422,
      message:
        'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.7"]: failed to allocate IP 10.96.0.7: provided IP is already allocated',
    });
    await expect(create('c', { clusterIP: '10.97.0.1' })).rejects.toMatchObject({
      message: expect.stringContaining('provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/24'),
    });
  });

  it('are not for headless and external Services', async () => {
    expect((await create('headless', { clusterIP: 'None' })).spec).toMatchObject({
      clusterIP: 'None',
      clusterIPs: ['None'],
    });
    const external = await create('external', { type: 'ExternalName', externalName: 'example.com' });
    expect(external.spec?.clusterIP).toBeUndefined();
    expect(await claims()).toEqual([]);
  });

  it('are free again after a delete, and after a change to ExternalName', async () => {
    const { spec } = await create('a');
    await resource().delete({ namespace: 'default', name: 'a' });
    expect(await claims()).toEqual([]);
    await create('b', { clusterIP: spec?.clusterIP ?? '' });
    const changed = await resource().patch({ namespace: 'default', name: 'b' }, 'merge', {
      spec: { type: 'ExternalName', externalName: 'example.com' },
    });
    expect(changed.spec?.clusterIP).toBeUndefined();
    expect(await claims()).toEqual([]);
  });
});

describe('nodePorts', () => {
  const nodePort = (value?: number): Spec => ({
    type: 'NodePort',
    ports: [{ port: 80, ...(value === undefined ? {} : { nodePort: value }) }],
  });

  it('are given to NodePort Services and kept when an update leaves them out', async () => {
    const created = await create('a', nodePort());
    const given = created.spec?.ports?.[0]?.nodePort;
    expect(given).toBeGreaterThanOrEqual(30000);
    expect(given).toBeLessThanOrEqual(30020);
    const { resourceVersion } = created.metadata;
    const sent = service('a', nodePort());
    const updated = await resource().update({ ...sent, metadata: { ...sent.metadata, resourceVersion } as never });
    expect(updated.spec?.ports?.[0]?.nodePort).toBe(given);
    expect(updated.spec?.clusterIP).toBe(created.spec?.clusterIP);
  });

  it('taken or out of range are refused in upstream’s words', async () => {
    await create('a', nodePort(30000));
    await expect(create('b', nodePort(30000))).rejects.toMatchObject({
      code: 422,
      message:
        'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated',
    });
    await expect(create('c', nodePort(80))).rejects.toMatchObject({
      message:
        'Service "c" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30020',
    });
    // What was refused holds nothing.
    await create('b');
    expect((await claims()).filter((key) => key.includes('node-port'))).toEqual(['/allocations/node-port/30000']);
  });

  it('of a dry run are not taken', async () => {
    await resource().create(service('a', nodePort(30001)), { dryRun: true });
    expect(await claims()).toEqual([]);
  });

  it('go back when the type changes to ClusterIP', async () => {
    await create('a', nodePort(30002));
    await resource().patch({ namespace: 'default', name: 'a' }, 'merge', { spec: { type: 'ClusterIP' } });
    expect((await claims()).filter((key) => key.includes('node-port'))).toEqual([]);
  });

  it('are given to exactly one of many that ask at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => create(`s${i}`, nodePort(30003))));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('that nobody asked for are all different, though many come at once', async () => {
    const created = await Promise.all(Array.from({ length: 21 }, (_, i) => create(`s${i}`, nodePort())));
    expect(new Set(created.map(({ spec }) => spec?.ports?.[0]?.nodePort)).size).toBe(21);
  });
});

describe('a restart', () => {
  it('knows what is taken, and repairs claims that do not fit the Services', async () => {
    await create('a', { type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30005 }] });
    await test.server.stop();
    const before = await test.store.get('/allocations/node-port/30005');
    await test.store.txn(
      [],
      [
        { key: '/allocations/node-port/30005', value: undefined },
        { key: '/allocations/node-port/30006', value: Buffer.from('default/gone') },
      ],
    );
    const again = await startApiServer({ store: test.store, allocateServices });
    const fixed = await test.store.get('/allocations/node-port/30005');
    expect(fixed?.value.toString()).toBe(before?.value.toString());
    expect(await test.store.get('/allocations/node-port/30006')).toBeUndefined();
    await expect(
      again.client.resource<Service>(services).create(service('b', { clusterIP: '10.96.0.9' })),
    ).rejects.toMatchObject({ code: 422 });
    await again.stop();
  });
});

describe('a control plane of templates', () => {
  it('gives nothing and has no Service of its own', async () => {
    const control = await startApiServer();
    const created = await control.client
      .resource<Service>(services)
      .create(service('a', { type: 'NodePort', ports: [{ port: 80 }] }));
    expect(created.spec?.clusterIP).toBeUndefined();
    expect(created.spec?.ports?.[0]?.nodePort).toBeUndefined();
    expect((await control.client.resource(services).list()).items).toHaveLength(1);
    await control.stop();
  });
});

describe('IP ranges', () => {
  it.each([
    ['10.96.0.0/12', '10.96.0.0', 2 ** 20],
    ['10.96.5.7/24', '10.96.5.0', 256],
  ])('%s', (cidr, base, size) => {
    const range = parseIpRange(cidr);
    expect([formatIp(range.base), range.size]).toEqual([base, size]);
  });

  it.each(['10.96.0.0', '10.96.0.0/31', '::/64', '10.96.0/12', 'x/12'])('refuse %s', (cidr) => {
    expect(() => parseIpRange(cidr)).toThrow('is not an IPv4 range');
  });

  it('read dotted addresses only', () => {
    expect(['1.2.3.4', '1.2.3', '1.2.3.256', '01.2.3.4', ''].map(parseIp)).toEqual([
      16909060,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
