import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../apimachinery/object.ts';
import { pruneManifest } from './prune-manifest.ts';

const manifest = (kind: string, rest: Record<string, unknown>): Unstructured =>
  ({ apiVersion: 'v1', kind, metadata: { name: 'x' }, ...rest }) as Unstructured;

describe('pruneManifest', () => {
  it('drops server-owned metadata and status', () => {
    const object = manifest('Thing', {
      metadata: {
        name: 'x',
        uid: 'u',
        resourceVersion: '1',
        generation: 2,
        creationTimestamp: 't',
        finalizers: ['f'],
        ownerReferences: [],
        managedFields: [],
        labels: { a: 'b' },
      },
      status: { ready: true },
    });
    expect(pruneManifest(object)).toEqual(manifest('Thing', { metadata: { name: 'x', labels: { a: 'b' } } }));
  });

  it.each([
    [
      'drops the revision of a Deployment',
      manifest('Deployment', { metadata: { annotations: { 'deployment.kubernetes.io/revision': '1', a: 'b' } } }),
      manifest('Deployment', { metadata: { annotations: { a: 'b' } } }),
    ],
    [
      'drops the clusterIP of a Service',
      manifest('Service', { spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [] } }),
      manifest('Service', { spec: { ports: [] } }),
    ],
    [
      'keeps a headless Service',
      manifest('Service', { spec: { clusterIP: 'None', clusterIPs: ['None'] } }),
      manifest('Service', { spec: { clusterIP: 'None', clusterIPs: ['None'] } }),
    ],
    [
      'drops generated Job labels',
      manifest('Job', {
        spec: {
          selector: { matchLabels: { 'controller-uid': '1', a: 'b' } },
          template: { metadata: { labels: { 'job-name': 'x', a: 'b' } } },
          ttlSecondsAfterFinished: 3,
        },
      }),
      manifest('Job', {
        spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } } } },
      }),
    ],
    [
      'keeps a manual Job selector',
      manifest('Job', { spec: { manualSelector: true, selector: { matchLabels: { 'controller-uid': '1' } } } }),
      manifest('Job', { spec: { manualSelector: true, selector: { matchLabels: { 'controller-uid': '1' } } } }),
    ],
    [
      'empties a token Secret',
      manifest('Secret', {
        type: 'kubernetes.io/service-account-token',
        metadata: { annotations: { 'kubernetes.io/service-account.uid': 'u' } },
        data: { token: 'x' },
      }),
      manifest('Secret', { type: 'kubernetes.io/service-account-token', metadata: { annotations: {} }, data: null }),
    ],
    [
      'keeps other Secrets',
      manifest('Secret', { type: 'Opaque', data: { a: 'b' } }),
      manifest('Secret', { type: 'Opaque', data: { a: 'b' } }),
    ],
    [
      'drops the node that a claim was bound on',
      manifest('PersistentVolumeClaim', {
        metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n', a: 'b' } },
      }),
      manifest('PersistentVolumeClaim', { metadata: { annotations: { a: 'b' } } }),
    ],
    [
      'keeps a Service without address',
      manifest('Service', { spec: { clusterIPs: ['10.0.0.1'] } }),
      manifest('Service', { spec: { clusterIPs: ['10.0.0.1'] } }),
    ],
    [
      'goes by the kind alone, whatever its group',
      { ...manifest('Job', { spec: { ttlSecondsAfterFinished: 3 } }), apiVersion: 'batch.example.io/v1' },
      { ...manifest('Job', { spec: {} }), apiVersion: 'batch.example.io/v1' },
    ],
    [
      'drops generated token references',
      manifest('ServiceAccount', { secrets: [{ name: 'x-token-1' }, { name: 'mine' }] }),
      manifest('ServiceAccount', { secrets: [{ name: 'mine' }] }),
    ],
  ])('%s', (_, before, after) => {
    expect(pruneManifest(before)).toEqual(after);
    expect(pruneManifest(before)).toEqual(after);
  });
});
