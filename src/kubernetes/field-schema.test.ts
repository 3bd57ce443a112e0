import { describe, expect, it } from 'vitest';
import type { Schema } from '../apimachinery/schema/structural.ts';
import { definitionName, schemaOf, schemaOfMessage } from './field-schema.ts';

function at(schema: Schema, path: string): Schema {
  return path.split('.').reduce((node, name) => {
    const next = name === '[]' ? node.items : node.properties?.[name];
    if (next === undefined) throw new Error(`no ${name} in ${path}`);
    return next;
  }, schema);
}

describe('schemas of built-in kinds', () => {
  it.each([
    ['core.v1.Pod', 'io.k8s.api.core.v1.Pod'],
    ['meta.v1.ObjectMeta', 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'],
    ['api.resource.Quantity', 'io.k8s.apimachinery.pkg.api.resource.Quantity'],
    ['util.intstr.IntOrString', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'],
    ['runtime.RawExtension', 'io.k8s.apimachinery.pkg.runtime.RawExtension'],
    [
      'apiextensions.v1.CustomResourceDefinition',
      'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    ],
    ['apiregistration.v1.APIService', 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService'],
  ])('publishes %s as %s', (message, definition) => {
    expect(definitionName(message)).toBe(definition);
  });

  it.each([
    ['containers', 'merge', 'name', 'map', ['name']],
    ['volumes', 'merge,retainKeys', 'name', 'map', ['name']],
    ['topologySpreadConstraints', 'merge', 'topologyKey', 'map', ['topologyKey', 'whenUnsatisfiable']],
    ['hostAliases', 'merge', 'ip', 'map', ['ip']],
    ['tolerations', undefined, undefined, 'atomic', undefined],
    ['containers.[].ports', 'merge', 'containerPort', 'map', ['containerPort', 'protocol']],
    ['containers.[].env', 'merge', 'name', 'map', ['name']],
    ['containers.[].volumeMounts', 'merge', 'mountPath', 'map', ['mountPath']],
    ['containers.[].args', undefined, undefined, 'atomic', undefined],
  ])('merges PodSpec %s by strategy %s, key %s', (path, strategy, key, listType, listKeys) => {
    const schema = at(schemaOfMessage('core.v1.PodSpec'), path);
    expect(schema['x-kubernetes-patch-strategy']).toBe(strategy);
    expect(schema['x-kubernetes-patch-merge-key']).toBe(key);
    expect(schema['x-kubernetes-list-type']).toBe(listType);
    expect(schema['x-kubernetes-list-map-keys']).toEqual(listKeys);
  });

  it('merges finalizers as a set of scalars and owners by uid', () => {
    const meta = schemaOfMessage('meta.v1.ObjectMeta');
    expect(at(meta, 'finalizers')).toMatchObject({
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-list-type': 'set',
    });
    expect(at(meta, 'ownerReferences')).toMatchObject({ 'x-kubernetes-patch-merge-key': 'uid' });
  });

  it('marks whole messages and maps as atomic, or as granular where they are not', () => {
    const spec = schemaOf({ group: 'apps', version: 'v1', kind: 'Deployment' }).properties?.['spec'] as Schema;
    expect(at(spec, 'selector')['x-kubernetes-map-type']).toBe('atomic');
    expect(at(spec, 'template.spec.nodeSelector')['x-kubernetes-map-type']).toBe('atomic');
    expect(at(spec, 'strategy')['x-kubernetes-patch-strategy']).toBe('retainKeys');
    const volume = schemaOf({ group: '', version: 'v1', kind: 'PersistentVolume' });
    expect(at(volume, 'spec.claimRef')['x-kubernetes-map-type']).toBe('granular');
  });

  it('puts the fields of inlined messages into the parent', () => {
    expect(at(schemaOfMessage('core.v1.Volume'), 'configMap.name').type).toBe('string');
    expect(at(schemaOfMessage('core.v1.Probe'), 'httpGet.port')['x-kubernetes-int-or-string']).toBe(true);
    expect(at(schemaOfMessage('core.v1.EphemeralContainer'), 'image').type).toBe('string');
  });

  it('gives objects apiVersion and kind, and parts of objects none', () => {
    expect(schemaOfMessage('core.v1.PersistentVolumeClaim').properties).toHaveProperty('kind');
    expect(schemaOfMessage('meta.v1.DeleteOptions').properties).toHaveProperty('kind');
    expect(schemaOfMessage('core.v1.PodTemplateSpec').properties).not.toHaveProperty('kind');
    expect(schemaOfMessage('batch.v1.JobTemplateSpec').properties).not.toHaveProperty('kind');
  });

  it('shares nodes, so that recursive messages end', () => {
    const props = schemaOfMessage('apiextensions.v1.JSONSchemaProps');
    expect(at(props, 'not')).toBe(props);
  });

  it('finds DeleteOptions under any group and version', () => {
    const options = schemaOfMessage('meta.v1.DeleteOptions');
    expect(schemaOf({ group: '', version: 'v1', kind: 'DeleteOptions' })).toBe(options);
    expect(schemaOf({ group: 'apps', version: 'v1', kind: 'DeleteOptions' })).toBe(options);
  });

  it('give the key of a list its default where it may be left out', () => {
    const ports = at(schemaOfMessage('core.v1.ServiceSpec'), 'ports');
    expect(ports['x-kubernetes-list-map-keys']).toEqual(['port', 'protocol']);
    expect(at(ports, '[].protocol').default).toBe('TCP');
    expect(at(schemaOfMessage('core.v1.Container'), 'ports.[].protocol').default).toBe('TCP');
  });

  it('know what a typed object has even when it is empty', () => {
    const { alwaysPresent } = schemaOf({ group: 'apps', version: 'v1', kind: 'Deployment' });
    expect([...(alwaysPresent ?? [])].sort()).toEqual(['metadata', 'spec', 'status']);
    expect(schemaOfMessage('core.v1.PodSpec').alwaysPresent?.has('securityContext')).toBe(false);
  });

  it('knows the reviews, although no registry serves them', () => {
    for (const [group, kind] of [
      ['authentication.k8s.io', 'TokenReview'],
      ['authentication.k8s.io', 'TokenRequest'],
      ['authentication.k8s.io', 'SelfSubjectReview'],
      ['authorization.k8s.io', 'SubjectAccessReview'],
      ['authorization.k8s.io', 'SelfSubjectAccessReview'],
      ['authorization.k8s.io', 'SelfSubjectRulesReview'],
      ['authorization.k8s.io', 'LocalSubjectAccessReview'],
      ['policy', 'Eviction'],
      ['autoscaling', 'Scale'],
    ] as const) {
      expect(schemaOf({ group, version: 'v1', kind }).properties).toHaveProperty('metadata');
    }
  });
});
