import { describe, expect, it } from 'vitest';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { StatusError } from '../apimachinery/status-error.ts';
import {
  clusterPropagationPolicies,
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

describe('PropagationPolicy, mutating', () => {
  it('fills namespaces, the permanent id and the finalizer on create', async () => {
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

  it('leaves values of a wrong type to the schema', async () => {
    const object = await admitted(propagationPolicies, 'CREATE', policy({ resourceSelectors: 'all' }, {}));
    expect(object['spec']).toEqual({ resourceSelectors: 'all' });
  });

  it('leaves identity alone on update', async () => {
    const object = await admitted(propagationPolicies, 'UPDATE', policy({}, { [idLabel]: 'mine' }));
    expect(object.metadata.labels).toEqual({ [idLabel]: 'mine' });
    expect(object.metadata.finalizers).toBeUndefined();
  });

  it('defaults spread constraints, division and grace period, and follows ServiceImports', async () => {
    const object = await admitted(
      propagationPolicies,
      'UPDATE',
      policy({
        resourceSelectors: [{ apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceImport' }],
        placement: { spreadConstraints: [{ maxGroups: 2 }], replicaScheduling: { replicaSchedulingType: 'Divided' } },
        failover: { application: { decisionConditions: {}, purgeMode: 'Gracefully' } },
      }),
    );
    expect(object['spec']).toMatchObject({
      propagateDeps: true,
      placement: {
        spreadConstraints: [{ spreadByField: 'cluster', minGroups: 1, maxGroups: 2 }],
        replicaScheduling: { replicaDivisionPreference: 'Weighted' },
      },
      failover: { application: { gracePeriodSeconds: 600 } },
    });
  });
});

describe('PropagationPolicy, validating', () => {
  it.each<[string, object, string | undefined]>([
    ['a plain policy', {}, undefined],
    [
      'both affinities',
      { placement: { clusterAffinity: { clusterNames: ['m1'] }, clusterAffinities: [] } },
      'spec.placement: Invalid value: {"clusterAffinity":{"clusterNames":["m1"]}}: clusterAffinities cannot co-exist with clusterAffinity',
    ],
    [
      'a repeated affinity name',
      { placement: { clusterAffinities: [{ affinityName: 'a' }, { affinityName: 'a' }] } },
      'spec.placement.clusterAffinities: Invalid value: [{"affinityName":"a"},{"affinityName":"a"}]: each affinity term in a policy must have a unique name',
    ],
    [
      'a wrong field selector key',
      {
        placement: {
          clusterAffinity: { fieldSelector: { matchExpressions: [{ key: 'cloud', operator: 'In', values: ['x'] }] } },
        },
      },
      'spec.placement.clusterAffinity.fieldSelector: Invalid value: {"matchExpressions":[{"key":"cloud","operator":"In","values":["x"]}]}: unsupported key "cloud", must be provider, region, or zone',
    ],
    [
      'too few groups',
      { placement: { spreadConstraints: [{ minGroups: 3, maxGroups: 2, spreadByField: 'cluster' }] } },
      'spec.placement.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","maxGroups":2,"minGroups":3}: maxGroups lower than minGroups is not allowed',
    ],
    [
      'region without cluster',
      { placement: { spreadConstraints: [{ spreadByField: 'region', minGroups: 1 }] } },
      'spec.placement.spreadConstraints: Invalid value: [{"spreadByField":"region","minGroups":1}]: the cluster spread constraint must be enabled in one of the constraints in case of SpreadByField is enabled',
    ],
    [
      'an unsupported toleration operator',
      { placement: { clusterTolerations: [{ operator: 'Gt' }] } },
      'spec.placement.clusterTolerations[0].operator: Unsupported value: "Gt": supported values: "", "Exists", "Equal"',
    ],
    [
      'application failover without dependencies',
      { failover: { application: { decisionConditions: {}, purgeMode: 'Directly' } } },
      'spec.propagateDeps: Invalid value: false: application failover is set, propagateDeps must be true',
    ],
    [
      'a foreign namespace and a greedy preemption, together',
      { preemption: 'Always', resourceSelectors: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'other' }] },
      '[spec.resourceSelectors[0].namespace: Invalid value: "other": namespace of resource selector must be the same as the namespace of the policy, spec.resourceSelectors[0].name: Invalid value: "": name cannot be empty if preemption is Always, the empty name may cause unexpected resources preemption]',
    ],
    [
      'a double suspension',
      { suspension: { dispatchingOnClusters: { clusterNames: ['m1'] }, dispatching: true } },
      'spec.suspension.suspension: Invalid value: {"dispatching":true,"dispatchingOnClusters":{"clusterNames":["m1"]}}: suspension dispatching cannot co-exist with dispatchingOnClusters.clusterNames',
    ],
  ])('%s', async (_, spec, expected) => {
    expect(await refusal(propagationPolicies, policy(spec))).toBe(expected);
  });

  it('protects the scheduler name and the permanent id', async () => {
    const old = policy({ schedulerName: 'default-scheduler' });
    expect(await refusal(propagationPolicies, policy({ schedulerName: 'mine' }), old)).toBe(
      'the schedulerName should not be updated',
    );
    expect(
      await refusal(propagationPolicies, policy({ schedulerName: 'default-scheduler' }, { [idLabel]: 'other' }), old),
    ).toBe(`label ${idLabel} is immutable, it can only be set by the system during creation`);
    expect(await refusal(propagationPolicies, policy({}, {}))).toBe(
      `label ${idLabel} is required, it should be set by the mutating admission webhook during creation`,
    );
  });

  it('lets a ClusterPropagationPolicy select any namespace', async () => {
    const object = policy(
      { resourceSelectors: [{ ...nginx, namespace: 'other' }] },
      { 'clusterpropagationpolicy.karmada.io/permanent-id': 'x' },
    );
    expect(await refusal(clusterPropagationPolicies, { ...object, kind: 'ClusterPropagationPolicy' })).toBeUndefined();
  });
});

describe('OverridePolicy', () => {
  const override = (spec: object): Unstructured => ({ ...policy({}), kind: 'OverridePolicy', spec }) as Unstructured;

  it.each<[string, object, string | undefined]>([
    [
      'rules alone',
      { overrideRules: [{ overriders: { plaintext: [{ path: '/x', operator: 'remove' }] } }] },
      undefined,
    ],
    [
      'rules beside overriders',
      { overrideRules: [], overriders: { plaintext: [{ path: '/x', operator: 'remove' }] } },
      'spec.overriders: Invalid value: {"plaintext":[{"operator":"remove","path":"/x"}]}: overrideRules and overriders can\'t co-exist',
    ],
    [
      'a field overrider with nothing to do',
      { overrideRules: [{ overriders: { fieldOverrider: [{ fieldPath: '/data/x' }] } }] },
      'spec.overrideRules[0].overriders.fieldOverrider[0]: Required value: FieldOverrider must have either JSON or YAML set',
    ],
    [
      'an operation without value',
      {
        overrideRules: [
          { overriders: { fieldOverrider: [{ fieldPath: '/data/x', json: [{ subPath: '/a', operator: 'add' }] }] } },
        ],
      },
      'spec.overrideRules[0].overriders.fieldOverrider[0].json[0].value: Invalid value: "": value is required for add or replace operation',
    ],
  ])('%s', async (_, spec, expected) => {
    expect(await refusal(overridePolicies, override(spec))).toBe(expected);
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
