import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { toV1, toV2 } from './hpa-v1.ts';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const v2 = (spec: object, status?: object): Unstructured => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', annotations: { own: 'kept' } },
  spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, ...spec },
  ...(status === undefined ? {} : { status }),
});
const utilization = (name: string, averageUtilization: number) => ({
  type: 'Resource',
  resource: { name, target: { type: 'Utilization', averageUtilization } },
});

describe('an autoscaler as v1', () => {
  it('has the CPU target in its field and nothing in annotations', () => {
    expect(toV1(v2({ metrics: [utilization('cpu', 55)] }))).toEqual({
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', annotations: { own: 'kept' } },
      spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 55 },
    });
  });

  it.each<[string, object]>([
    ['other resources', { metrics: [utilization('cpu', 55), utilization('memory', 70)] }],
    [
      'values of containers',
      {
        metrics: [
          {
            type: 'ContainerResource',
            containerResource: { name: 'cpu', container: 'c', target: { type: 'AverageValue', averageValue: '100m' } },
          },
        ],
      },
    ],
    [
      'metrics of pods, objects and from outside',
      {
        metrics: [
          {
            type: 'Pods',
            pods: { metric: { name: 'packets' }, target: { type: 'AverageValue', averageValue: '1k' } },
          },
          {
            type: 'Object',
            object: {
              describedObject: { kind: 'Ingress', name: 'i', apiVersion: 'networking.k8s.io/v1' },
              metric: { name: 'requests' },
              target: { type: 'Value', value: '10k' },
            },
          },
          {
            type: 'External',
            external: {
              metric: { name: 'queue', selector: { matchLabels: { q: 'a' } } },
              target: { type: 'AverageValue', averageValue: '30' },
            },
          },
        ],
      },
    ],
    [
      'behavior',
      { metrics: [utilization('cpu', 80)], behavior: { scaleDown: { stabilizationWindowSeconds: 5, policies: [] } } },
    ],
  ])('keeps %s through both directions', (_, spec) => {
    const object = v2(spec);
    expect(toV2(structuredClone(toV1(structuredClone(object))))).toEqual(object);
  });

  it('keeps its status', () => {
    const status = {
      currentReplicas: 2,
      desiredReplicas: 2,
      currentMetrics: [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 40, averageValue: '4m' } } },
      ],
      conditions: [{ type: 'AbleToScale', status: 'True' }],
    };
    const object = v2({ metrics: [utilization('cpu', 55)] }, status);
    const older = toV1(structuredClone(object));
    expect(older['status']).toEqual({ currentReplicas: 2, desiredReplicas: 2, currentCPUUtilizationPercentage: 40 });
    expect(toV2(structuredClone(older))).toEqual(object);
  });

  it('reads annotations that are no JSON as if they were absent', () => {
    const object = toV1(v2({ metrics: [utilization('cpu', 55)] }));
    object.metadata.annotations = { 'autoscaling.alpha.kubernetes.io/metrics': '{' };
    expect(toV2(object)['spec']).toMatchObject({ metrics: [utilization('cpu', 55)] });
  });
});

describe('both versions of the API', () => {
  let api: TestApiServer;
  beforeAll(async () => {
    api = await startApiServer();
  });
  afterAll(() => api.stop());

  it('show one object, whichever it was written in', async () => {
    const server = api.server.localTransport();
    const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
    const made = await send(server, 'POST', path('v1'), {
      body: { metadata: { name: 'web' }, spec: { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 60 } },
    });
    expect(made.status).toBe(201);
    expect(made.body.apiVersion).toBe('autoscaling/v1');
    const newer = await send(server, 'GET', `${path('v2')}/web`);
    expect(newer.body.spec).toEqual({
      scaleTargetRef,
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [utilization('cpu', 60)],
    });
    await send(server, 'PATCH', `${path('v2')}/web`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { metrics: [utilization('memory', 50)] } },
    });
    const older = await send(server, 'GET', `${path('v1')}/web`);
    expect(older.body.spec).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 5 });
    expect(JSON.parse(older.body.metadata.annotations['autoscaling.alpha.kubernetes.io/metrics'])).toEqual([
      { type: 'Resource', resource: { name: 'memory', targetAverageUtilization: 50 } },
    ]);
    const table = await send(server, 'GET', path('v1'), {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table.body.rows[0].cells.slice(0, 6)).toEqual(['web', 'Deployment/web', 'memory: <unknown>/50%', '1', 5, 0]);
    const bad = await send(server, 'PUT', `${path('v1')}/web`, {
      body: { metadata: { name: 'web' }, spec: { scaleTargetRef, minReplicas: 9, maxReplicas: 5 } },
    });
    expect(bad.body.message).toContain('must be greater than or equal to `minReplicas`');
  });
});
