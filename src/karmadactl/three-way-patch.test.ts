import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../apimachinery/object.ts';
import { lastApplied, threeWayPatch } from './three-way-patch.ts';

type Containers = Record<string, unknown>[];

const deployment = (containers: Containers, more: object = {}): Unstructured => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { template: { spec: { containers, ...more } } },
});

const withRecord = (object: Unstructured, applied: Unstructured): Unstructured => ({
  ...object,
  metadata: { ...object.metadata, annotations: { [lastApplied]: JSON.stringify(applied) } },
});

/** What was applied before, what the server has, what is applied now, and the list that is sent. */
const cases: [string, Containers, Containers, Containers, Containers | undefined][] = [
  [
    'changes one element and keeps its defaults',
    [{ name: 'a', image: 'a:1' }],
    [{ name: 'a', image: 'a:1', pull: 'Always' }],
    [{ name: 'a', image: 'a:2' }],
    [{ name: 'a', image: 'a:2', pull: 'Always' }],
  ],
  [
    'keeps what others added, where it is',
    [{ name: 'a' }],
    [{ name: 'sidecar' }, { name: 'a' }],
    [{ name: 'a', image: 'a:2' }],
    [{ name: 'sidecar' }, { name: 'a', image: 'a:2' }],
  ],
  [
    'sends nothing when only others added something',
    [{ name: 'a' }],
    [{ name: 'sidecar' }, { name: 'a', pull: 'Always' }],
    [{ name: 'a' }],
    undefined,
  ],
  [
    'takes away what was applied before',
    [{ name: 'a' }, { name: 'b' }],
    [{ name: 'a' }, { name: 'b' }],
    [{ name: 'a' }],
    [{ name: 'a' }],
  ],
  [
    'adds',
    [{ name: 'a' }],
    [{ name: 'a', pull: 'Always' }],
    [{ name: 'a' }, { name: 'b' }],
    [{ name: 'a', pull: 'Always' }, { name: 'b' }],
  ],
];

describe('a three-way patch', () => {
  it.each(cases)('merges lists by their keys: %s', (_what, before, current, now, sent) => {
    const modified = withRecord(deployment(now), deployment(now));
    const patch = threeWayPatch(withRecord(deployment(current), deployment(before)), modified) as
      | { spec?: { template: { spec: { containers: Containers } } } }
      | undefined;
    expect(patch?.spec?.template.spec.containers).toEqual(sent);
  });

  it('takes lists without keys whole, and removes fields that are no longer written', () => {
    const before = deployment([{ name: 'a', args: ['x'] }], { nodeName: 'n' });
    const after = deployment([{ name: 'a', args: ['y'] }]);
    const patch = threeWayPatch(withRecord(before, before), withRecord(after, after));
    expect(patch).toMatchObject({
      spec: { template: { spec: { nodeName: null, containers: [{ name: 'a', args: ['y'] }] } } },
    });
  });

  it('takes ports whole where a number stands twice', () => {
    const ports = [
      { port: 53, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ];
    const service = (list: object[]): Unstructured => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'd' },
      spec: { ports: list },
    });
    const patch = threeWayPatch(
      withRecord(service(ports.slice(0, 1)), service(ports.slice(0, 1))),
      withRecord(service(ports), service(ports)),
    );
    expect(patch).toMatchObject({ spec: { ports } });
  });
});
