import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../../test/support/kinds.ts';

const messages = (kind: string, spec: object) =>
  (kindOf(kind).validate?.(objectOf(kind, { spec })) ?? []).map(({ field, message }) => `${field}: ${message}`);

describe('rules of ResourceQuotas', () => {
  it.each<[object, string[]]>([
    [
      { hard: { pods: '3', 'count/widgets.example.com': '1', 'requests.nvidia.com/gpu': '2', 'hugepages-2Mi': '1' } },
      [],
    ],
    [{ hard: { podz: '3' } }, ['spec.hard[podz]: Invalid value: "podz": must be a standard resource for quota']],
    [{ hard: { pods: '-1' } }, ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0']],
    [{ hard: { pods: '1500m' } }, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']],
    [{ scopes: ['Sometimes'] }, ['spec.scopes: Invalid value: ["Sometimes"]: unsupported scope']],
    [
      { hard: { cpu: '1' }, scopes: ['BestEffort'] },
      ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
    ],
    [
      { hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] },
      ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ],
    [
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] } },
      [
        "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      ],
    ],
  ])('of %j say %j', (spec, expected) => expect(messages('resourcequotas', spec)).toEqual(expected));

  it('keep the scopes', () => {
    const with_ = (scopes: string[]) => objectOf('resourcequotas', { spec: { scopes } });
    const errors = kindOf('resourcequotas').validateUpdate?.(with_(['Terminating']), with_(['NotTerminating'])) ?? [];
    expect(errors[0]?.message).toBe('Invalid value: ["Terminating"]: field is immutable');
  });
});

describe('rules of LimitRanges', () => {
  it.each<[object, string[]]>([
    [{ type: 'Container', max: { cpu: '2' }, min: { cpu: '1' } }, []],
    [
      { type: 'Container', max: { cpu: '1' }, min: { cpu: '2' } },
      ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
    ],
    [
      { type: 'Container', min: { cpu: '2' }, defaultRequest: { cpu: '1' } },
      ['spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1'],
    ],
    [
      { type: 'Container', default: { memory: '1Gi' }, defaultRequest: { memory: '2Gi' } },
      [
        'spec.limits[0].defaultRequest[memory]: Invalid value: "2Gi": default request value 2Gi is greater than default limit value 1Gi',
      ],
    ],
    [
      { type: 'Pod', default: { cpu: '1' } },
      ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
    ],
    [
      { type: 'PersistentVolumeClaim' },
      [
        'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
      ],
    ],
    [{ type: 'Bin' }, ['spec.limits[0].type: Invalid value: "Bin": must be a standard limit type or fully qualified']],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '500m' } },
      ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
    ],
    [
      { type: 'Container', max: { rockets: '1' } },
      ['spec.limits[0].max[rockets]: Invalid value: "rockets": must be a standard resource for containers'],
    ],
  ])('of %j say %j', (item, expected) => {
    const found = messages('limitranges', { limits: [item] });
    // What is defaulted from a wrong value is wrong as well.
    expect(found).toEqual(expected.length === 0 ? [] : expect.arrayContaining(expected));
  });
});
