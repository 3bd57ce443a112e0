import { describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../../kubernetes/types.ts';
import { planSlices } from './endpoint-slice-plan.ts';
import type { EndpointGroup } from './service-endpoints.ts';

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'u' },
  spec: { clusterIP: '10.0.0.1' },
} as Service;
const ports = [{ name: '', port: 80, protocol: 'TCP' }];
const group = (...numbers: number[]): EndpointGroup[] => [
  {
    ports,
    endpoints: numbers.map((number) => ({
      address: `10.1.0.${number}`,
      ready: true,
      serving: true,
      terminating: false,
      pod: { name: `p${number}`, namespace: 'default', uid: `u${number}` },
    })),
  },
];
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

function stored(slices: readonly EndpointSlice[]): EndpointSlice[] {
  return slices.map((slice, index) => ({ ...slice, metadata: { ...slice.metadata, name: `web-${index}` } }));
}

describe('EndpointSlices of a Service', () => {
  it('hold at most 100 endpoints each', () => {
    const plan = planSlices(service, group(...range(150)), [], 't');
    expect(plan.create.map((slice) => slice.endpoints.length)).toEqual([100, 50]);
  });
  it('are not written when nothing changed', () => {
    const existing = stored(planSlices(service, group(...range(150)), [], 't').create);
    const plan = planSlices(service, group(...range(150)), existing, 'later');
    expect(plan).toEqual({ create: [], update: [], remove: [] });
  });
  it('keep endpoints where they are: one change touches one slice', () => {
    const existing = stored(planSlices(service, group(...range(150)), [], 't').create);
    const plan = planSlices(service, group(...range(150).filter((number) => number !== 7)), existing, 'later');
    expect(plan.create).toEqual([]);
    expect(plan.update.map((slice) => slice.metadata.name)).toEqual(['web-0']);
    expect(plan.update[0]?.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time']).toBe('later');
  });
  it('leave one empty slice when there are no endpoints', () => {
    const first = planSlices(service, [], [], 't');
    expect(first.create.map((slice) => slice.endpoints)).toEqual([[]]);
    expect(planSlices(service, [], stored(first.create), 't')).toEqual({ create: [], update: [], remove: [] });
    const filled = planSlices(service, group(1), stored(first.create), 't');
    expect(filled.create).toEqual([]);
    expect(filled.update).toHaveLength(1);
  });
});
