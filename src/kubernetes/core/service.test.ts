import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { builtinResources } from '../kinds.ts';
import type { Service } from '../types.ts';
import { carryOverServiceFields } from './service.ts';

const kind = builtinResources().find(({ type }) => type.resource === 'services')!;

function serviceOf(spec: object, status?: object): Unstructured & Service {
  const object = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    spec: structuredClone(spec),
  } as unknown as Unstructured & Service;
  if (status !== undefined) Object.assign(object, { status });
  kind.default?.(object);
  return object;
}

const context = { user: { name: '', groups: [] }, now: 0, dryRun: false };
const http = { ports: [{ port: 80 }] };

describe('defaults of a Service', () => {
  it.each([
    [
      http,
      {
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ipFamilyPolicy: 'SingleStack',
        ipFamilies: ['IPv4'],
      },
    ],
    [
      { ...http, type: 'NodePort' },
      { type: 'NodePort', externalTrafficPolicy: 'Cluster' },
    ],
    [
      { ...http, type: 'LoadBalancer' },
      { externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true },
    ],
    [{ ...http, sessionAffinity: 'ClientIP' }, { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } } }],
    [
      { ...http, clusterIP: 'None', selector: { a: 'b' } },
      { clusterIP: 'None', clusterIPs: ['None'], ipFamilyPolicy: 'SingleStack' },
    ],
  ])('completes %j', (spec, expected) => {
    const service = serviceOf(spec);
    kind.prepareForCreate?.(service, context);
    expect(service.spec).toMatchObject(expected);
  });

  it('keeps the address families of the stored Service', () => {
    const old = serviceOf({ ...http, ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6', 'IPv4'] });
    const service = serviceOf(http);
    kind.prepareForUpdate?.(service, old, context);
    expect(service.spec).toMatchObject({ ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6', 'IPv4'] });
  });

  it('gives an ExternalName no cluster settings', () => {
    const service = serviceOf({ type: 'ExternalName', externalName: 'a.b' });
    kind.prepareForCreate?.(service, context);
    expect(service.spec).toEqual({
      type: 'ExternalName',
      externalName: 'a.b',
      sessionAffinity: 'None',
    });
  });

  it('says how load balancer addresses are reached', () => {
    const service = serviceOf(
      { ...http, type: 'LoadBalancer' },
      { loadBalancer: { ingress: [{ ip: '1.1.1.1' }, { hostname: 'a' }] } },
    );
    expect(service.status?.loadBalancer?.ingress).toEqual([{ ip: '1.1.1.1', ipMode: 'VIP' }, { hostname: 'a' }]);
  });
});

describe('carryOverServiceFields', () => {
  const stored = serviceOf({
    type: 'NodePort',
    clusterIP: '10.96.0.5',
    ports: [
      { name: 'a', port: 80, nodePort: 30080 },
      { name: 'b', port: 81, nodePort: 30081 },
    ],
  });

  const updated = (spec: object, old = stored) => {
    const service = serviceOf(spec);
    carryOverServiceFields(service, old);
    return service.spec!;
  };

  it('keeps the addresses that the client left out', () => {
    expect(updated({ type: 'NodePort', ports: [{ name: 'a', port: 80 }] })).toMatchObject({
      clusterIP: '10.96.0.5',
      clusterIPs: ['10.96.0.5'],
    });
  });

  it('keeps node ports by port and protocol, whatever the order and the name', () => {
    const ports = updated({
      type: 'NodePort',
      ports: [
        { name: 'c', port: 81 },
        { name: 'a', port: 80, protocol: 'UDP' },
        { name: 'd', port: 80 },
      ],
    }).ports;
    expect(ports?.map(({ nodePort }) => nodePort)).toEqual([30081, undefined, 30080]);
  });

  it('does not override a node port that was asked for', () => {
    const ports = updated({
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80, nodePort: 30081 },
        { name: 'b', port: 81 },
      ],
    }).ports;
    expect(ports?.map(({ nodePort }) => nodePort)).toEqual([30081, undefined]);
  });

  it('drops node ports when the type no longer has them', () => {
    const spec = updated({ type: 'ClusterIP', ports: [{ name: 'a', port: 80, nodePort: 30080 }] });
    expect(spec.ports?.[0]?.nodePort).toBeUndefined();
    expect(spec.clusterIP).toBe('10.96.0.5');
  });

  it('keeps nothing for an ExternalName, not even what the client sends back', () => {
    expect(updated({ type: 'ExternalName', externalName: 'a.b' }).clusterIP).toBeUndefined();
    const sentBack = updated({
      type: 'ExternalName',
      externalName: 'a.b',
      clusterIP: '10.96.0.5',
      clusterIPs: ['10.96.0.5'],
    });
    expect(sentBack.clusterIP).toBeUndefined();
    expect(sentBack.clusterIPs).toBeUndefined();
  });

  it('drops what only the old type has', () => {
    const old = serviceOf({ ...http, type: 'LoadBalancer', loadBalancerClass: 'a/b' });
    const spec = updated({ ...old.spec, type: 'ClusterIP' }, old);
    expect(Object.keys(spec)).not.toContain('externalTrafficPolicy');
    expect(Object.keys(spec)).not.toContain('allocateLoadBalancerNodePorts');
    expect(Object.keys(spec)).not.toContain('loadBalancerClass');
  });

  it('keeps the health check port of a local load balancer', () => {
    const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [{ port: 80 }] };
    const old = serviceOf({ ...local, healthCheckNodePort: 31000 });
    expect(updated(local, old).healthCheckNodePort).toBe(31000);
    expect(updated({ ...http, healthCheckNodePort: 31000 }, old).healthCheckNodePort).toBeUndefined();
  });
});

describe('validation of a Service', () => {
  const errorsOf = (spec: object) =>
    (kind.validate?.(serviceOf(spec)) ?? []).map(({ field, message }) => `${field}: ${message}`);

  it.each([
    [http],
    [{ clusterIP: 'None' }],
    [{ type: 'ExternalName', externalName: 'example.com' }],
    [
      {
        ports: [
          { name: 'a', port: 53, protocol: 'UDP' },
          { name: 'b', port: 53 },
        ],
      },
    ],
  ])('accepts %j', (spec) => {
    expect(errorsOf(spec)).toEqual([]);
  });

  it.each([
    [{}, 'spec.ports: Required value'],
    [{ ports: [{ port: 80 }, { name: 'b', port: 81 }] }, 'spec.ports[0].name: Required value'],
    [
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'a', port: 81 },
        ],
      },
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      },
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
    [{ ports: [{ port: 0 }] }, 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
    [
      { ports: [{ port: 80, protocol: 'QUIC' }] },
      'spec.ports[0].protocol: Unsupported value: "QUIC": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      { ...http, type: 'Cluster' },
      'spec.type: Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      { ...http, ipFamilyPolicy: 'RequireDualStack' },
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ],
    [{ type: 'ExternalName' }, 'spec.externalName: Required value'],
    [
      { ...http, clusterIP: '10.96.0' },
      'spec.clusterIPs[0]: Invalid value: "10.96.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { ports: [{ port: 80, nodePort: 30000 }] },
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
  ])('refuses %j', (spec, message) => {
    expect(errorsOf(spec)).toContain(message);
  });

  it.each([
    [{ clusterIP: '10.96.0.9' }, 'spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set'],
    [{ clusterIPs: [] }, 'spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset'],
    [{ type: 'ExternalName', externalName: 'a.b' }, undefined],
  ])('changes %j of an allocated Service: %s', (change, message) => {
    const old = serviceOf({ ...http, clusterIP: '10.96.0.5' });
    const errors = kind.validateUpdate?.(serviceOf({ ...http, ...change }), old) ?? [];
    expect(errors.map(({ field, message: text }) => `${field}: ${text}`)).toEqual(
      message === undefined ? [] : [message],
    );
  });
});

describe('columns of a Service', () => {
  const row = (spec: object, status?: object) =>
    (kind.columns ?? []).map((column) => column.cell(serviceOf(spec, status), 0));

  it.each([
    [
      { ...http, clusterIP: '10.0.0.1', selector: { b: '2', a: '1' } },
      undefined,
      ['s', 'ClusterIP', '10.0.0.1', '<none>', '80/TCP', '<unknown>', 'a=1,b=2'],
    ],
    [
      {
        type: 'NodePort',
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 53, protocol: 'UDP' },
        ],
        externalIPs: ['9.9.9.9'],
      },
      undefined,
      ['s', 'NodePort', '<none>', '9.9.9.9', '80:30080/TCP,53/UDP', '<unknown>', '<none>'],
    ],
    [
      { ...http, type: 'LoadBalancer' },
      undefined,
      ['s', 'LoadBalancer', '<none>', '<pending>', '80/TCP', '<unknown>', '<none>'],
    ],
    [
      { ...http, type: 'LoadBalancer' },
      { loadBalancer: { ingress: [{ ip: '2.2.2.2' }, { hostname: 'a.b' }, { ip: '1.1.1.1' }] } },
      ['s', 'LoadBalancer', '<none>', '1.1.1.1,2.2.2.2,a.b', '80/TCP', '<unknown>', '<none>'],
    ],
    [{ clusterIP: 'None' }, undefined, ['s', 'ClusterIP', 'None', '<none>', '<none>', '<unknown>', '<none>']],
    [
      { type: 'ExternalName', externalName: 'a.b' },
      undefined,
      ['s', 'ExternalName', '<none>', 'a.b', '<none>', '<unknown>', '<none>'],
    ],
  ])('prints %j', (spec, status, cells) => {
    expect(row(spec, status)).toEqual(cells);
  });
});
