import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../../test/support/kinds.ts';

const messages = (kind: string, spec: object) =>
  (kindOf(kind).validate?.(objectOf(kind, { spec })) ?? []).map(({ field, message }) => `${field}: ${message}`);
const addresses = 'ipaddresses.networking.k8s.io';
const ranges = 'servicecidrs.networking.k8s.io';

describe('IPAddresses', () => {
  it.each([
    ['10.96.0.1', true],
    ['fd00::1', true],
    ['010.96.0.1', false],
    ['fd00:0::1', false],
    ['FD00::1', false],
    ['address', false],
  ])('are named %s: %j', (name, allowed) => {
    expect(kindOf(addresses).validateName?.(name) === undefined).toBe(allowed);
  });

  it.each<[object, string[]]>([
    [{ parentRef: { resource: 'services', namespace: 'default', name: 'web' } }, []],
    [{}, ['spec.parentRef: Required value']],
    [{ parentRef: {} }, ['spec.parentRef.resource: Required value', 'spec.parentRef.name: Required value']],
  ])('with %j get %j', (spec, expected) => expect(messages(addresses, spec)).toEqual(expected));

  it.each<[object, string]>([
    [{ resource: 'services', namespace: 'default', name: 'web' }, 'services/default/web'],
    [{ group: 'example.com', resource: 'gateways', namespace: 'n', name: 'g' }, 'gateways.example.com/n/g'],
  ])('print %j as %s', (parentRef, text) => {
    const object = objectOf(addresses, { spec: { parentRef } });
    expect(kindOf(addresses).columns?.[1]?.cell(object, 0)).toBe(text);
  });
});

describe('ServiceCIDRs', () => {
  it.each<[string[], string[]]>([
    [['10.96.0.0/16', 'fd00::/108'], []],
    [[], ['spec.cidrs: Required value: at least one CIDR required']],
    [
      ['10.96.0.0/33'],
      ['spec.cidrs[0]: Invalid value: "10.96.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ],
    [
      ['10.96.0.0/16', '10.97.0.0/16'],
      [
        'spec.cidrs: Invalid value: ["10.96.0.0/16","10.97.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ],
    ],
  ])('of %j get %j', (cidrs, expected) => expect(messages(ranges, { cidrs })).toEqual(expected));

  it('may gain a second family and nothing else', () => {
    const range = (...cidrs: string[]) => objectOf(ranges, { spec: { cidrs } });
    const { validateUpdate } = kindOf(ranges);
    expect(validateUpdate?.(range('10.0.0.0/8', 'fd00::/108'), range('10.0.0.0/8'))).toEqual([]);
    expect(validateUpdate?.(range('11.0.0.0/8'), range('10.0.0.0/8'))?.[0]?.message).toContain('field is immutable');
  });
});
