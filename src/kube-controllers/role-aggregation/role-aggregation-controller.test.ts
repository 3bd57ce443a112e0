import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { startKubeControllers } from '../../../test/support/kube-controllers.ts';
import { clusterRoles } from '../../kubernetes/resource-types.ts';
import type { ClusterRole } from '../../kubernetes/types.ts';

let api: TestApiServer;
beforeAll(async () => {
  api = await startKubeControllers({ controllers: ['clusterrole-aggregation'] });
});
afterAll(() => api.stop());

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
const role = (name: string, extra: Partial<ClusterRole>, labels: Record<string, string> = {}): ClusterRole => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  ...extra,
});

describe('an aggregated ClusterRole', () => {
  it('has the rules of all roles it selects, each once, and follows them', async () => {
    const roles = api.client.resource<ClusterRole>(clusterRoles);
    const label = { 'example.com/part': 'true' };
    const rulesBecome = (...resources: string[]) =>
      vi.waitFor(async () => expect((await roles.get({ name: 'whole' })).rules ?? []).toEqual(resources.map(rule)), {
        timeout: 6000,
        interval: 15,
      });
    await roles.create(role('part-b', { rules: [rule('pods'), rule('secrets')] }, label));
    await roles.create(
      role('whole', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: label }] }, rules: [] }),
    );
    await rulesBecome('pods', 'secrets');
    await roles.create(role('part-a', { rules: [rule('services'), rule('pods')] }, label));
    await rulesBecome('services', 'pods', 'secrets');
    await roles.patch({ name: 'whole' }, 'merge', { rules: [] });
    await rulesBecome('services', 'pods', 'secrets');
    await roles.patch({ name: 'part-a' }, 'merge', { metadata: { labels: null } });
    await rulesBecome('pods', 'secrets');
    await roles.delete({ name: 'part-b' });
    await rulesBecome();
  });
});
