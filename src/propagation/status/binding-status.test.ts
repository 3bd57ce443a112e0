import { expect, it } from 'vitest';
import type { KubeObject, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { type BindingStatusWorld, reconcileBindingStatus } from './binding-status.ts';

const template: Unstructured = { apiVersion: 'example.io/v1', kind: 'Thing', metadata: { namespace: 'n', name: 't' } };
const binding: ResourceBinding = {
  apiVersion: 'work.karmada.io/v1alpha2',
  kind: 'ResourceBinding',
  metadata: { namespace: 'n', name: 't-thing' },
  spec: { resource: { apiVersion: 'example.io/v1', kind: 'Thing', namespace: 'n', name: 't' } },
};

it('a status that cannot be summed up is told on the binding and on the template', async () => {
  const told: string[] = [];
  const world = {
    bindings: { type: {}, get: () => binding },
    caches: { works: { byIndex: () => [] } },
    client: { resource: () => ({ updateStatus: async (object: object) => object }) },
    templates: { cached: () => template, get: async () => template, resource: async () => ({}) },
    interpreter: {
      find: () => () => {
        throw new Error('the script failed');
      },
    },
    clock: { now: () => 0 },
    record: (about: KubeObject, type: string, reason: string, message: string) =>
      told.push(`${about.kind} ${type} ${reason}: ${message}`),
  } as unknown as BindingStatusWorld;
  await expect(reconcileBindingStatus(world, 'n/t-thing')).rejects.toThrow('the script failed');
  expect(told).toEqual([
    'ResourceBinding Normal AggregateStatusSucceed: Update ResourceBinding(n/t-thing) with AggregatedStatus successfully.',
    'ResourceBinding Warning AggregateStatusFailed: the script failed',
    'Thing Warning AggregateStatusFailed: the script failed',
  ]);
});
