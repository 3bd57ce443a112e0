import { describe, expect, it } from 'vitest';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { StatusError } from '../apimachinery/status-error.ts';
import {
  clusterOverridePolicies,
  clusterPropagationPolicies,
  clusterTaintPolicies,
  overridePolicies,
  propagationPolicies,
  resourceBindings,
  works,
} from '../apis/resource-types.ts';
import type { AdmissionOperation, AdmissionRequest } from '../apiserver/admission/plugin.ts';
import { createKarmadaAdmissionPlugin } from './admission-plugin.ts';

const plugin = createKarmadaAdmissionPlugin({
  newId: () => 'id-1',
  customizations: {
    list: async () => [],
    compile: async () => {},
  },
});
const idLabel = 'propagationpolicy.karmada.io/permanent-id';
const nginx = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' };

function request(
  type: ResourceType,
  operation: AdmissionOperation,
  object?: Unstructured,
  oldObject?: Unstructured,
): AdmissionRequest {
  return {
    operation,
    type,
    subresource: '',
    namespace: type.namespaced ? 'default' : '',
    name: 'x',
    user: { name: 'u', groups: [] },
    dryRun: false,
    object,
    oldObject,
    warn: () => {},
  };
}

const policy = (spec: object, labels: Record<string, string> = { [idLabel]: 'id-1' }): Unstructured =>
  ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name: 'x', namespace: 'default', labels },
    spec: { resourceSelectors: [{ ...nginx, namespace: 'default' }], ...spec },
  }) as Unstructured;

async function admitted(
  type: ResourceType,
  operation: AdmissionOperation,
  object: Unstructured,
): Promise<Unstructured> {
  await plugin.admit?.(request(type, operation, object));
  return object;
}

async function refusal(type: ResourceType, object: Unstructured, old?: Unstructured): Promise<string | undefined> {
  try {
    await plugin.validate?.(request(type, old === undefined ? 'CREATE' : 'UPDATE', object, old));
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(StatusError);
    expect((error as StatusError).status).toMatchObject({ code: 403, reason: 'Forbidden' });
    return (error as StatusError).message.replace(/^admission webhook "[^"]+" denied the request: /, '');
  }
}

describe('policies', () => {
  it('get their defaults and identity', async () => {
    const object = await admitted(
      propagationPolicies,
      'CREATE',
      policy({ resourceSelectors: [nginx] }, { [idLabel]: 'mine' }),
    );
    expect(object.metadata).toMatchObject({
      labels: { [idLabel]: 'id-1' },
      finalizers: ['karmada.io/propagation-policy-controller'],
    });
    expect(object['spec']).toEqual({ resourceSelectors: [{ ...nginx, namespace: 'default' }], placement: {} });
  });

  it('with values of a wrong type are left to the schema', async () => {
    const object = await admitted(propagationPolicies, 'CREATE', policy({ resourceSelectors: 'all' }, {}));
    expect(object['spec']).toEqual({ resourceSelectors: 'all' });
  });

  it('are refused in one sentence, several findings in brackets', async () => {
    expect(await refusal(propagationPolicies, policy({}))).toBeUndefined();
    const greedy = { preemption: 'Always', resourceSelectors: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'other' }] };
    expect(await refusal(propagationPolicies, policy(greedy))).toBe(
      '[spec.resourceSelectors[0].namespace: Invalid value: "other": namespace of resource selector must be the same as the namespace of the policy, spec.resourceSelectors[0].name: Invalid value: "": name cannot be empty if preemption is Always, the empty name may cause unexpected resources preemption]',
    );
  });

  it.each([
    [propagationPolicies, 'schedulerName', 'the schedulerName should not be updated'],
    [clusterPropagationPolicies, 'schedulerName', 'the schedulerName should not be updated'],
  ])('are compared with what they were', async (type, field, told) => {
    const labels = { [idLabel]: 'id-1', 'clusterpropagationpolicy.karmada.io/permanent-id': 'id-1' };
    expect(await refusal(type, policy({ [field]: 'mine' }, labels), policy({ [field]: 'other' }, labels))).toBe(told);
  });

  it('of overrides and taints, too', async () => {
    const rules = { overrideRules: [{ overriders: { fieldOverrider: [{ fieldPath: '/data/x' }] } }] };
    const told =
      'spec.overrideRules[0].overriders.fieldOverrider[0]: Required value: FieldOverrider must have either JSON or YAML set';
    for (const type of [overridePolicies, clusterOverridePolicies])
      expect(await refusal(type, { ...policy({}), spec: rules })).toBe(told);
    const taints = [{ key: 'a', effect: 'NoExecute' }];
    expect(await refusal(clusterTaintPolicies, { ...policy({}), spec: { taints } })).toContain('Forbidden');
  });
});

describe('bindings and Works', () => {
  it('gives a binding an id once', async () => {
    const binding = {
      apiVersion: 'work.karmada.io/v1alpha2',
      kind: 'ResourceBinding',
      metadata: { name: 'b' },
      spec: {},
    } as Unstructured;
    await admitted(resourceBindings, 'CREATE', binding);
    expect(binding.metadata.labels).toEqual({ 'resourcebinding.karmada.io/permanent-id': 'id-1' });
    binding.metadata.annotations = { 'resourcebinding.karmada.io/dependencies': '{}' };
    expect(await refusal(resourceBindings, binding)).toContain('annotation value must be a valid JSON');
  });

  it('prunes and stamps the manifests of a Work, the same at every write', async () => {
    const work = {
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'Work',
      metadata: { name: 'w' },
      spec: {
        workload: {
          manifests: [
            {
              apiVersion: 'v1',
              kind: 'Service',
              metadata: { name: 's', uid: 'u', annotations: { b: '1', a: '2' } },
              spec: { clusterIP: '10.0.0.1' },
              status: {},
            },
          ],
        },
      },
    } as Unstructured;
    await admitted(works, 'CREATE', work);
    const once = JSON.stringify(work);
    expect(work['spec']).toEqual({
      workload: {
        manifests: [
          {
            apiVersion: 'v1',
            kind: 'Service',
            metadata: {
              name: 's',
              labels: { 'work.karmada.io/permanent-id': 'id-1' },
              annotations: {
                a: '2',
                b: '1',
                'resourcetemplate.karmada.io/managed-annotations':
                  'a,b,resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels',
                'resourcetemplate.karmada.io/managed-labels': 'work.karmada.io/permanent-id',
              },
            },
            spec: {},
          },
        ],
      },
    });
    expect(JSON.stringify(await admitted(works, 'UPDATE', work))).toBe(once);
  });
});

describe('a Work', () => {
  it('refuses a manifest without kind', async () => {
    const work = {
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'Work',
      metadata: { name: 'w' },
      spec: { workload: { manifests: [{}] } },
    };
    await expect(admitted(works, 'CREATE', work as unknown as Unstructured)).rejects.toThrow(
      "Object 'Kind' is missing in spec.workload.manifests[0]",
    );
  });
});

describe('deletion protection', () => {
  it('guards objects of any kind that say Always', async () => {
    const pods: ResourceType = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
    const remove = async (value: string): Promise<void> =>
      plugin.validate?.(
        request(pods, 'DELETE', undefined, policy({}, { 'resourcetemplate.karmada.io/deletion-protected': value })),
      );
    await expect(remove('Always')).rejects.toThrow(
      'admission webhook "resourcedeletionprotection.karmada.io" denied the request: This resource is protected, please make sure to remove the label: resourcetemplate.karmada.io/deletion-protected',
    );
    await expect(remove('Never')).resolves.toBeUndefined();
  });
});
