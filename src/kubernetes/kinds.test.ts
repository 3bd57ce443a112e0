import { describe, expect, it } from 'vitest';
import { apiVersionOf } from '../apimachinery/group-version.ts';
import { builtinResources } from './kinds.ts';

const all = builtinResources();

describe('built-in kinds', () => {
  it.each(all.map((kind) => [`${apiVersionOf(kind.type)} ${kind.type.resource}`, kind] as const))(
    '%s has schema, columns and discovery data',
    (_, kind) => {
      expect(kind.schema.properties).toHaveProperty('metadata');
      expect(kind.schema.properties).toHaveProperty('apiVersion');
      expect(kind.schema.definition).toContain(`.${kind.type.kind}`);
      expect(kind.columns?.some((column) => column.format === 'name')).toBe(true);
      expect(kind.listKind).toBe(`${kind.type.kind}List`);
      expect(kind.singular).toBe(kind.type.kind.toLowerCase());
      expect(kind.verbs).toContain('list');
      expect(kind.hasStatus ? kind.schema.properties?.['status'] : {}).toBeDefined();
      expect(kind.generation === 'spec' ? kind.schema.properties?.['spec'] : {}).toBeDefined();
    },
  );

  it('prints every kind even when an object has nothing but a name', () => {
    for (const kind of all) {
      const object = { apiVersion: apiVersionOf(kind.type), kind: kind.type.kind, metadata: { name: 'x' }, spec: {} };
      kind.default?.(object);
      for (const column of kind.columns ?? []) {
        expect(['string', 'number', 'boolean', 'object'], `${kind.type.resource} ${column.name}`).toContain(
          typeof column.cell(object, 0),
        );
      }
    }
  });

  it('has names that clients can tell apart', () => {
    const seen = new Map<string, string>();
    for (const { type, shortNames } of all) {
      const owner = `${type.resource}.${type.group}`;
      // Events are served twice under one short name, as upstream does.
      if (type.resource === 'events') continue;
      for (const name of [type.resource, type.kind.toLowerCase(), ...shortNames]) {
        expect(seen.get(name) ?? owner, name).toBe(owner);
        seen.set(name, owner);
      }
    }
  });

  it('puts the workloads of `kubectl get all` into the category', () => {
    expect(
      all
        .filter(({ categories }) => categories.includes('all'))
        .map(({ type }) => type.resource)
        .sort(),
    ).toEqual([
      'cronjobs',
      'daemonsets',
      'deployments',
      'horizontalpodautoscalers',
      'horizontalpodautoscalers',
      'jobs',
      'pods',
      'replicasets',
      'replicationcontrollers',
      'services',
      'statefulsets',
    ]);
  });

  it('lets these kinds be created by PUT', () => {
    expect(all.filter(({ createOnUpdate }) => createOnUpdate).map(({ type }) => type.kind)).toEqual([
      'Endpoints',
      'Event',
      'LimitRange',
      'Service',
      'Event',
      'ClusterRoleBinding',
      'ClusterRole',
      'RoleBinding',
      'Role',
      'Lease',
    ]);
  });

  it('asks these kinds for a resourceVersion on PUT', () => {
    expect(all.filter(({ unconditionalUpdate }) => unconditionalUpdate === false).map(({ type }) => type.kind)).toEqual(
      [
        'PodDisruptionBudget',
        'CSIDriver',
        'VolumeAttachment',
        'CustomResourceDefinition',
        'MutatingAdmissionPolicy',
        'MutatingAdmissionPolicyBinding',
        'MutatingWebhookConfiguration',
        'ValidatingAdmissionPolicy',
        'ValidatingAdmissionPolicyBinding',
        'ValidatingWebhookConfiguration',
        'Lease',
        'RuntimeClass',
      ],
    );
  });

  it('counts generations of these kinds', () => {
    expect(
      all.filter(({ generation }) => generation !== 'none').map(({ type, generation }) => `${type.kind} ${generation}`),
    ).toEqual([
      'Pod spec',
      'PodTemplate all',
      'ReplicationController spec',
      'DaemonSet spec',
      'Deployment spec-and-annotations',
      'ReplicaSet spec',
      'StatefulSet spec',
      'CronJob spec',
      'Job spec',
      'IngressClass spec',
      'Ingress spec',
      'NetworkPolicy spec',
      'PodDisruptionBudget spec',
      'CustomResourceDefinition spec',
      'MutatingAdmissionPolicy spec',
      'MutatingAdmissionPolicyBinding spec',
      'MutatingWebhookConfiguration all',
      'ValidatingAdmissionPolicy spec',
      'ValidatingAdmissionPolicyBinding spec',
      'ValidatingWebhookConfiguration all',
      'DeviceClass spec',
      'ResourceSlice spec',
      'EndpointSlice all',
    ]);
  });
});
