import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../../test/support/kinds.ts';

const texts = (errors: readonly { field: string; message: string }[] = []) =>
  errors.map(({ field, message }) => `${field}: ${message}`);
const claim = (request: object): object => ({ spec: { devices: { requests: [{ name: 'gpu', ...request }] } } });
const exactly = { deviceClassName: 'gpu.example.com' };
const slice = (spec: object): object => ({
  spec: { driver: 'gpu.example.com', pool: { name: 'p', resourceSliceCount: 1, generation: 1 }, ...spec },
});

describe('kinds of resource.k8s.io', () => {
  it.each<[string, object, string[]]>([
    ['resourceclaims', claim({ exactly }), []],
    ['resourceclaims', claim({ firstAvailable: [{ name: 'a', ...exactly, allocationMode: 'All' }] }), []],
    [
      'resourceclaims',
      claim({}),
      ['spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required'],
    ],
    [
      'resourceclaims',
      claim({ exactly: { ...exactly, allocationMode: 'All', count: 2 } }),
      ["spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"],
    ],
    [
      'resourceclaims',
      claim({ exactly: { ...exactly, selectors: [{ cel: { expression: 'device.driver' } }] } }),
      [
        'spec.devices.requests[0].exactly.selectors[0].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type',
      ],
    ],
    [
      'resourceclaims',
      {
        spec: {
          devices: { requests: [{ name: 'a', exactly }], constraints: [{ requests: ['b'], matchAttribute: 'x/y' }] },
        },
      },
      [
        `spec.devices.constraints[0].requests[0]: Invalid value: "b": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
      ],
    ],
    [
      'resourceclaimtemplates',
      {
        spec: {
          spec: {
            devices: {
              requests: [
                { name: 'a', exactly },
                { name: 'a', exactly },
              ],
            },
          },
        },
      },
      ['spec.spec.devices.requests[1]: Duplicate value: "a"'],
    ],
    [
      'deviceclasses',
      { spec: { config: [{}], extendedResourceName: 'cpu' } },
      [
        'spec.config[0].opaque: Required value',
        'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
      ],
    ],
    [
      'deviceclasses',
      {
        spec: {
          selectors: [
            {
              cel: {
                expression:
                  "device.driver == 'd' && device.attributes['d'].model == 'a' && device.capacity['d'].memory.compareTo(quantity('1Gi')) > 0",
              },
            },
          ],
          extendedResourceName: 'example.com/gpu',
        },
      },
      [],
    ],
    ['resourceslices', slice({ nodeName: 'n1', devices: [{ name: 'd', attributes: { model: { string: 'a' } } }] }), []],
    [
      'resourceslices',
      slice({ nodeName: 'n1', allNodes: true }),
      [
        'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
      ],
    ],
    [
      'resourceslices',
      slice({
        allNodes: true,
        devices: [{ name: 'd', attributes: { a: {} }, taints: [{ key: 'a/b', effect: 'Sometimes' }] }],
      }),
      [
        'spec.devices[0].attributes[a]: Required value: exactly one value must be specified',
        'spec.devices[0].taints[0].effect: Unsupported value: "Sometimes": supported values: "NoExecute", "NoSchedule", "None"',
      ],
    ],
  ])('%s %j say %j', (resource, fields, expected) => {
    const name = `${resource}.resource.k8s.io`;
    expect(texts(kindOf(name).validate?.(objectOf(name, fields)))).toEqual(expected);
  });

  it('count one device where nothing else is asked for', () => {
    const { spec } = objectOf('resourceclaims.resource.k8s.io', claim({ exactly })) as unknown as {
      spec: { devices: { requests: { exactly: object }[] } };
    };
    expect(spec.devices.requests[0]?.exactly).toMatchObject({ allocationMode: 'ExactCount', count: 1 });
  });

  const name = 'resourceclaims.resource.k8s.io';
  const result = { request: 'gpu', driver: 'gpu.example.com', pool: 'p', device: 'd' };
  const user = { resource: 'pods', name: 'x', uid: '1' };
  const allocation = { devices: { results: [result] } };
  it.each<[object, object, string[]]>([
    [{ allocation, reservedFor: [user] }, {}, []],
    [{ reservedFor: [user] }, {}, ['status.reservedFor: Forbidden: may not be specified when `allocated` is not set']],
    [
      { allocation: { devices: { results: [{ ...result, device: 'e' }] } } },
      { allocation },
      [expect.stringMatching(/^status\.allocation: Invalid value: .*: field is immutable$/) as unknown as string],
    ],
  ])('let the status of a claim be %j after %j: %j', (status, before, expected) => {
    const [after, old] = [status, before].map((part) => objectOf(name, { ...claim({ exactly }), status: part }));
    expect(texts(kindOf(name).validateStatus?.(after as never, old as never))).toEqual(expected);
  });

  it.each<[object, object, string]>([
    [{}, {}, 'pending'],
    [{ allocation, reservedFor: [user] }, {}, 'allocated,reserved'],
    [{ allocation }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'deleted,allocated'],
  ])('print a claim with %j %j as %s', (status, metadata, expected) => {
    const state = kindOf(name).columns?.[1];
    expect(state?.cell(objectOf(name, { status }, { name: 'x', ...metadata }), 0)).toBe(expected);
  });
});
