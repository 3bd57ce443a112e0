import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { crdFiles, crdFolder } from '../../hack/generate-crds.ts';
import { applyDefaults } from '../apimachinery/schema/default.ts';
import { prune } from '../apimachinery/schema/prune.ts';
import { structuralErrors } from '../apimachinery/schema/structural-check.ts';
import { validateSchema } from '../apimachinery/schema/validate.ts';
import { karmadaCustomResourceDefinitions } from './crd.ts';
import { propagationPolicySchema } from './policy/v1alpha1/propagation-policy-schema.ts';
import { resourceBindingSchema } from './work/v1alpha2/resource-binding-schema.ts';

interface Crd {
  metadata: { name: string };
  spec: { versions: { schema: { openAPIV3Schema: object } }[] };
}

describe('config/crds', () => {
  it('is what `npm run generate` writes', () => {
    const files = crdFiles();
    expect(readdirSync(crdFolder).sort()).toEqual([...files.keys()].sort());
    for (const [name, content] of files) expect(readFileSync(new URL(name, crdFolder), 'utf8')).toBe(content);
  });

  const crds = karmadaCustomResourceDefinitions() as unknown as Crd[];

  it.each(crds.map((crd) => [crd.metadata.name, crd] as const))('%s has a structural schema', (_, crd) => {
    for (const version of crd.spec.versions)
      expect(structuralErrors(version.schema.openAPIV3Schema, 'schema')).toEqual([]);
  });
});

describe('the policy schema', () => {
  const policy = (spec: object) => ({
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { name: 'pp' },
    spec,
  });

  it('defaults what stored policies always show', () => {
    const object = policy({
      resourceSelectors: [{ apiVersion: 'v1', kind: 'Pod' }],
      placement: { replicaScheduling: {} },
    });
    applyDefaults(object, propagationPolicySchema);
    expect(object.spec).toMatchObject({
      priority: 0,
      preemption: 'Never',
      conflictResolution: 'Abort',
      schedulerName: 'default-scheduler',
      placement: { replicaScheduling: { replicaSchedulingType: 'Divided' } },
    });
  });

  it('refuses a policy without selectors, and values outside the enums', () => {
    const messages = (spec: object) =>
      validateSchema(policy(spec), propagationPolicySchema).map((e) => `${e.field}: ${e.message}`);
    expect(messages({})).toEqual(['spec.resourceSelectors: Required value']);
    expect(messages({ resourceSelectors: [], preemption: 'Sometimes' })).toEqual([
      'spec.resourceSelectors: Invalid value: 0: spec.resourceSelectors in body should have at least 1 items',
      'spec.preemption: Unsupported value: "Sometimes": supported values: "Always", "Never"',
    ]);
  });

  it('prunes unknown fields', () => {
    const object = policy({ resourceSelectors: [{ apiVersion: 'v1', kind: 'Pod', extra: 1 }], nope: true });
    expect(prune(object, propagationPolicySchema)).toEqual(['spec.resourceSelectors[0].extra', 'spec.nope']);
    expect(object.spec).toEqual({ resourceSelectors: [{ apiVersion: 'v1', kind: 'Pod' }] });
  });
});

describe('the binding schema', () => {
  it('keeps reflected status as it is', () => {
    const object = { status: { aggregatedStatus: [{ clusterName: 'm', status: { any: { thing: [1] } } }] } };
    expect(prune(object, resourceBindingSchema)).toEqual([]);
  });
});
