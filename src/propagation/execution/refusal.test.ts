import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { conflict, fieldError, invalid } from '../../apimachinery/status-error.ts';
import { asRefusal } from './refusal.ts';

const set = (spec: object): Unstructured => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'shop' },
  spec,
});
const refused = (field: string) =>
  invalid({ group: 'apps', kind: 'StatefulSet' }, 'db', [fieldError.forbidden(field, 'field is immutable')]);

describe('an update that is refused', () => {
  it('names the field and the cure', () => {
    const refusal = asRefusal(
      refused('spec.serviceName'),
      'member1',
      set({ serviceName: 'a' }),
      set({ serviceName: 'b' }),
    );
    expect(refusal?.message).toMatch(
      /^the API server of the member refuses to change spec\.serviceName of StatefulSet shop\/db: .*field is immutable.*\. Make it the same in the template, or for this cluster by an override policy; or delete the StatefulSet in cluster member1, and it is made anew$/,
    );
  });
  it('names what was to be changed where the server names a whole part', () => {
    const desired = set({ serviceName: 'a', replicas: 1, podManagementPolicy: 'Parallel' });
    const observed = set({ serviceName: 'b', replicas: 1, podManagementPolicy: 'OrderedReady' });
    expect(asRefusal(refused('spec'), 'm', desired, observed)?.message).toContain(
      'refuses to change spec.serviceName, spec.podManagementPolicy of StatefulSet',
    );
  });
  it('is nothing else than a judgement of the content', () => {
    const again = conflict({ group: 'apps', resource: 'statefulsets' }, 'db', 'modified');
    expect(asRefusal(again, 'm', set({}), set({}))).toBeUndefined();
    expect(asRefusal(new Error('no route to host'), 'm', set({}), set({}))).toBeUndefined();
  });
});
