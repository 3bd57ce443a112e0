import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { configMaps, deployments, pods } from '../kubernetes/resource-types.ts';
import type { Target } from './member-access.ts';
import { podsBehind } from './pod-arguments.ts';

let api: TestApiServer;
const namespace = 'default';
const template = (labels: Record<string, string>) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});
const target = () => ({ client: api.client, namespace, name: 'karmada' }) as unknown as Target;
const behind = (word: string, doing?: 'get the logs from') =>
  podsBehind(target(), namespace, word, new AbortController().signal, doing);

beforeAll(async () => {
  api = await startApiServer({ disableAdmission: ['ServiceAccount'] });
  const core = { apiVersion: 'v1', metadata: { name: 'x', namespace } };
  await api.client.resource(configMaps).create({ ...core, kind: 'ConfigMap' });
  await api.client.resource(deployments).create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      selector: {
        matchLabels: { app: 'web' },
        matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }],
      },
      template: template({ app: 'web', tier: 'front' }),
    },
  });
  for (const tier of ['front', 'back'])
    await api.client.resource(pods).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: tier, namespace, labels: { app: 'web', tier } },
      spec: template({}).spec,
    });
});
afterAll(() => api.stop());

describe('the pods of TYPE/NAME', () => {
  it('are those that its whole selector takes', async () => {
    expect((await behind('deployment/web')).map(({ metadata }) => metadata.name)).toEqual(['front']);
  });
  it('are none of kinds that select none, in the words of kubectl', async () => {
    const selector = 'selector for *v1.ConfigMap not implemented';
    await expect(behind('cm/x')).rejects.toThrow(`cannot attach to *v1.ConfigMap: ${selector}`);
    await expect(behind('cm/x', 'get the logs from')).rejects.toThrow(
      `cannot get the logs from *v1.ConfigMap: ${selector}`,
    );
  });
});
