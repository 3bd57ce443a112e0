import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../../test/support/kinds.ts';

const texts = (errors: readonly { field: string; message: string }[] = []) =>
  errors.map(({ field, message }) => `${field}: ${message}`);

describe('rules of CSI kinds', () => {
  it.each<[string, object, string[]]>([
    [
      'csidrivers',
      { spec: { volumeLifecycleModes: ['Sometimes'], fsGroupPolicy: 'Any' } },
      [
        'spec.volumeLifecycleModes: Unsupported value: "Sometimes": supported values: "Ephemeral", "Persistent"',
        'spec.fsGroupPolicy: Unsupported value: "Any": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      ],
    ],
    [
      'csidrivers',
      { spec: { tokenRequests: [{ audience: 'a', expirationSeconds: 5 }, { audience: 'a' }] } },
      [
        'spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
        'spec.tokenRequests[1].audience: Duplicate value: "a"',
      ],
    ],
    ['csinodes', { spec: { drivers: [{ name: 'd', nodeID: '' }] } }, ['spec.drivers[0].nodeID: Required value']],
    ['csinodes', { spec: { drivers: [{ name: 'd', nodeID: '1' }] } }, []],
    [
      'csistoragecapacities',
      { storageClassName: 'fast', capacity: '-1' },
      ['capacity: Invalid value: "-1": must be greater than or equal to 0'],
    ],
    ['csistoragecapacities', {}, ['storageClassName: Required value']],
  ])('of %s %j say %j', (resource, fields, expected) => {
    const name = `${resource}.storage.k8s.io`;
    expect(texts(kindOf(name).validate?.(objectOf(name, fields)))).toEqual(expected);
  });

  it.each<[string, object, object, string]>([
    [
      'csidrivers',
      { spec: { attachRequired: false } },
      { spec: { attachRequired: true } },
      'spec.attachRequired: Invalid value: false: field is immutable',
    ],
    [
      'csistoragecapacities',
      { storageClassName: 'b' },
      { storageClassName: 'a' },
      'storageClassName: Invalid value: "b": field is immutable',
    ],
  ])('keep parts of %s', (resource, after, before, expected) => {
    const name = `${resource}.storage.k8s.io`;
    expect(texts(kindOf(name).validateUpdate?.(objectOf(name, after), objectOf(name, before)))).toEqual([expected]);
  });
});
