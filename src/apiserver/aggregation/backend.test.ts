import { expect, it } from 'vitest';
import { apiServices } from '../../kubernetes/apiregistration/api-service.ts';
import { locate } from './backend.ts';
import type { ReadyAddresses } from './service-endpoints.ts';

const apiService = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: apiServices.type.kind,
  metadata: { name: 'v1.a' },
  spec: { groupPriorityMinimum: 1, versionPriority: 1, service: { namespace: 'ns', name: 'svc', port: 443 } },
};
const ports = [{ name: 'https', port: 443 }];
const ready = [{ addresses: ['10.1.0.1'], ports: [{ name: 'https', port: 8443 }] }];
const template = { ports };
const address = { clusterIP: '10.0.0.1', ports };

it.each<[string, object | undefined, ReadyAddresses[] | undefined, boolean, string]>([
  ['no Service', undefined, undefined, false, 'ServiceNotFound: service/svc in "ns" is not present'],
  ['an address', address, ready, false, '10.0.0.1:443'],
  ['an address, with routing', address, ready, true, '10.1.0.1:8443'],
  [
    'an address, nobody known',
    address,
    undefined,
    false,
    'EndpointsNotFound: cannot find endpoints for service/svc in "ns"',
  ],
  [
    'an address, nobody ready',
    address,
    [{ addresses: [], ports: [{ name: 'https', port: 8443 }] }],
    false,
    'MissingEndpoints: endpoints for service/svc in "ns" have no addresses with port name "https"',
  ],
  [
    'nobody ready on that port',
    template,
    [{ addresses: ['10.1.0.1'], ports: [{ name: 'metrics', port: 1 }] }],
    false,
    'MissingEndpoints: endpoints for service/svc in "ns" have no addresses with port name "https"',
  ],
  ['a template with endpoints', template, ready, false, '10.1.0.1:8443'],
  ['a headless Service', { clusterIP: 'None', ports }, ready, false, '10.1.0.1:8443'],
  ['a template alone', template, undefined, false, 'svc.ns.svc:443'],
  [
    'a template alone, with routing',
    template,
    undefined,
    true,
    'EndpointsNotFound: cannot find endpoints for service/svc in "ns"',
  ],
  [
    'another port',
    { ports: [{ port: 80 }] },
    ready,
    false,
    'ServicePortError: service/svc in "ns" is not listening on port 443',
  ],
  [
    'another port of a NodePort',
    { type: 'NodePort', ports: [{ port: 80 }] },
    ready,
    false,
    'FailedDiscoveryCheck: no service port 443 found for service "svc"',
  ],
  ['a name', { type: 'ExternalName', externalName: 'a.example.com' }, undefined, false, 'a.example.com:443'],
  [
    'a name, with routing',
    { type: 'ExternalName', externalName: 'a.example.com' },
    undefined,
    true,
    'FailedDiscoveryCheck: unsupported service type "ExternalName"',
  ],
])('a server is found behind %s', (_what, spec, behind, toEndpoints, expected) => {
  const service = spec && { apiVersion: 'v1', kind: 'Service', metadata: { name: 'svc', namespace: 'ns' }, spec };
  const place = locate(apiService, { service: () => service, ready: () => behind }, toEndpoints);
  expect('reason' in place ? `${place.reason}: ${place.message}` : `${place.host}:${place.port}`).toBe(expected);
});
