import { describe, expect, it } from 'vitest';
import { convertBinding } from './binding-conversion.ts';

const newer = {
  apiVersion: 'work.karmada.io/v1alpha2',
  kind: 'ResourceBinding',
  metadata: { name: 'web-deployment', namespace: 'shop', labels: { a: 'b' } },
  spec: {
    resource: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'web',
      uid: 'u',
      resourceVersion: '7',
    },
    replicas: 3,
    replicaRequirements: { resourceRequest: { cpu: '1' }, namespace: 'shop' },
    clusters: [{ name: 'member1', replicas: 3, components: [{ name: 'c', replicas: 1 }] }],
    schedulerName: 'default-scheduler',
  },
  status: {
    schedulerObservedGeneration: 2,
    conditions: [{ type: 'Scheduled', status: 'True' }],
    aggregatedStatus: [{ clusterName: 'member1', applied: true, health: 'Healthy', status: { replicas: 3 } }],
  },
};
const older = {
  apiVersion: 'work.karmada.io/v1alpha1',
  kind: 'ResourceBinding',
  metadata: newer.metadata,
  spec: {
    resource: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'web',
      resourceVersion: '7',
      resourcePerReplicas: { cpu: '1' },
      replicas: 3,
    },
    clusters: [{ name: 'member1', replicas: 3 }],
  },
  status: {
    conditions: [{ type: 'Scheduled', status: 'True' }],
    aggregatedStatus: [{ clusterName: 'member1', applied: true, status: { replicas: 3 } }],
  },
};

describe('bindings in their two versions', () => {
  it('are read in v1alpha1 without what it does not have', () => {
    expect(convertBinding(newer as never, 'work.karmada.io/v1alpha1')).toEqual(older);
  });

  it('come back in v1alpha2 with what v1alpha1 has', () => {
    expect(convertBinding(older as never, 'work.karmada.io/v1alpha2')).toEqual({
      ...newer,
      spec: {
        resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', resourceVersion: '7' },
        replicas: 3,
        replicaRequirements: { resourceRequest: { cpu: '1' } },
        clusters: [{ name: 'member1', replicas: 3 }],
      },
      status: older.status,
    });
  });

  it('may lack a spec or a status', () => {
    const bare = { apiVersion: 'work.karmada.io/v1alpha2', kind: 'ResourceBinding', metadata: { name: 'x' } };
    expect(convertBinding(bare, 'work.karmada.io/v1alpha1')).toEqual({
      ...bare,
      apiVersion: 'work.karmada.io/v1alpha1',
      spec: { resource: {} },
    });
  });

  it('stay as they are in their own version, and have no other', () => {
    expect(convertBinding(newer as never, newer.apiVersion)).toBe(newer);
    expect(() => convertBinding(newer as never, 'work.karmada.io/v1')).toThrow('cannot convert ResourceBinding');
  });
});
