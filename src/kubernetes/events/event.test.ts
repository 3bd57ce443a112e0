import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../test/support/kinds.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { fromCoreEvent, toCoreEvent } from './event.ts';

const now = Date.parse('2024-05-01T12:00:00Z');

describe('Events in their two forms', () => {
  const core = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default', fieldPath: 'spec.containers{c}' },
    reason: 'Started',
    message: ' Container started ',
    source: { component: 'kubelet', host: 'n1' },
    firstTimestamp: '2024-05-01T11:58:00Z',
    lastTimestamp: '2024-05-01T11:59:30Z',
    count: 3,
    type: 'Normal',
    reportingComponent: 'kubelet',
  } as unknown as Unstructured;
  const cells = [
    '30s',
    'Normal',
    'Started',
    'pod/p',
    'spec.containers{c}',
    'kubelet, n1',
    'Container started',
    '2m',
    '3',
    'e',
  ];

  it('convert without loss', () => {
    const grouped = fromCoreEvent(core);
    expect(grouped).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      regarding: { name: 'p' },
      note: ' Container started ',
      reportingController: 'kubelet',
      deprecatedCount: 3,
    });
    expect(toCoreEvent(grouped)).toEqual(core);
  });

  it('print the same', () => {
    const row = (name: string, object: Unstructured) =>
      (kindOf(name).columns ?? []).map((column) => column.cell(object, now));
    expect(row('events', core)).toEqual(cells);
    expect(row('events.events.k8s.io', fromCoreEvent(core))).toEqual(cells);
  });

  it('print a series by its last occurrence', () => {
    const series = { ...core, series: { count: 9, lastObservedTime: '2024-05-01T11:59:55.000000Z' } } as Unstructured;
    expect((kindOf('events').columns ?? [])[0]?.cell(series, now)).toBe('5s');
    expect((kindOf('events').columns ?? [])[8]?.cell(series, now)).toBe('9');
  });

  it('are about objects of their own namespace', () => {
    expect(kindOf('events').validate?.(core)).toEqual([]);
    const foreign = { ...core, involvedObject: { namespace: 'other' } } as unknown as Unstructured;
    expect(
      kindOf('events')
        .validate?.(foreign)
        ?.map(({ field }) => field),
    ).toEqual(['involvedObject.namespace']);
  });
});
