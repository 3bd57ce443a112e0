import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { customResourceDefinitions } from '../../kubernetes/resource-types.ts';
import type { CrdVersion, CustomResourceDefinition } from './crd.ts';

let test: TestApiServer;
beforeEach(async () => {
  test = await startApiServer();
});
afterEach(() => test.stop());

const schema: NonNullable<CrdVersion['schema']> = {
  openAPIV3Schema: {
    type: 'object',
    required: ['spec'],
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', maximum: 3 },
          mode: { type: 'string', enum: ['a', 'b'], default: 'a' },
        },
      },
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  },
};

const foos: ResourceType = { group: 'example.com', version: 'v1', resource: 'foos', kind: 'Foo', namespaced: true };

function crd(change: (crd: CustomResourceDefinition) => void = () => {}): CustomResourceDefinition {
  const result: CustomResourceDefinition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'foos.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'foos', kind: 'Foo', shortNames: ['fo'] },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
    },
  };
  change(result);
  return result;
}

const crds = () => test.client.resource<CustomResourceDefinition>(customResourceDefinitions);
const foo = (name: string, spec: object, more: object = {}): Unstructured => ({
  apiVersion: 'example.com/v1',
  kind: 'Foo',
  metadata: { name, namespace: 'default' },
  spec,
  ...more,
});
const condition = (object: CustomResourceDefinition, type: string) =>
  object.status?.conditions?.find((candidate) => candidate.type === type);

/** Reads the watch until the CRD satisfies the test. */
async function untilCrd(name: string, holds: (crd: CustomResourceDefinition) => boolean) {
  for await (const event of crds().watch({ fieldSelector: `metadata.name=${name}`, resourceVersion: '0' }))
    if ((event.type === 'ADDED' || event.type === 'MODIFIED') && holds(event.object)) return event.object;
  throw new Error('the watch ended');
}
const established = (name = 'foos.example.com') =>
  untilCrd(name, (object) => condition(object, 'Established')?.status === 'True');

async function untilGone(name: string): Promise<void> {
  for await (const event of crds().watch({ fieldSelector: `metadata.name=${name}`, resourceVersion: '0' })) {
    if (event.type === 'DELETED') return;
    if ((await crds().list({ fieldSelector: `metadata.name=${name}` })).items.length === 0) return;
  }
}

describe('a new CRD', () => {
  it('gets its names, its stored version and conditions with upstream’s words', async () => {
    await crds().create(crd());
    const { spec, status, metadata } = await established();
    expect(spec.names).toMatchObject({ singular: 'foo', listKind: 'FooList' });
    expect(spec.conversion).toEqual({ strategy: 'None' });
    expect(metadata.finalizers).toEqual(['customresourcecleanup.apiextensions.k8s.io']);
    expect(status?.storedVersions).toEqual(['v1']);
    expect(status?.acceptedNames).toEqual({
      plural: 'foos',
      singular: 'foo',
      shortNames: ['fo'],
      kind: 'Foo',
      listKind: 'FooList',
    });
    expect(status?.conditions).toMatchObject([
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
      {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
      },
    ]);
  });

  it('is served, discovered and described by the time it is Established', async () => {
    await crds().create(crd());
    await established();
    await test.client.resource(foos).create(foo('x', { size: 1 }));
    const { resources } = await test.client.request<{ resources: { name: string }[] }>('GET', '/apis/example.com/v1');
    expect(resources.map(({ name }) => name)).toEqual(['foos', 'foos/status']);
    const openApi = await test.client.request<{ components: { schemas: object } }>(
      'GET',
      '/openapi/v3/apis/example.com/v1',
    );
    expect(Object.keys(openApi.components.schemas)).toContain('com.example.v1.Foo');
  });

  it('in a protected group tells who approved it', async () => {
    await crds().create(
      crd((object) => {
        object.metadata.name = 'foos.example.k8s.io';
        object.metadata.annotations = { 'api-approved.kubernetes.io': 'unapproved, an experiment' };
        object.spec.group = 'example.k8s.io';
      }),
    );
    expect(condition(await established('foos.example.k8s.io'), 'KubernetesAPIApprovalPolicyConformant')).toMatchObject({
      status: 'False',
      reason: 'UnapprovedAnnotation',
      message: 'not approved: "unapproved, an experiment"',
    });
  });

  it('warns of formats that nobody checks', async () => {
    const colourful = crd((object) => {
      const spec = { type: 'object' as const, properties: { colour: { type: 'string' as const, format: 'colour' } } };
      object.spec.versions[0]!.schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
    });
    const transport = test.server.localTransport();
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { status, headers } = await send(transport, 'POST', path, { body: colourful });
    expect(status).toBe(201);
    expect(headers['warning']).toEqual(['299 - "unrecognized format \\"colour\\""']);
  });

  it('keeps its storage version among the stored ones', async () => {
    await crds().create(crd());
    const { metadata, ...rest } = await established();
    const without = { ...rest, metadata, status: { ...rest.status, storedVersions: [] } };
    await expect(crds().updateStatus(without)).rejects.toMatchObject({
      message: expect.stringContaining(
        'status.storedVersions: Invalid value: []: must have at least one stored version',
      ),
    });
  });

  it('is served again after a restart', async () => {
    await crds().create(crd());
    await established();
    await test.client.resource(foos).create(foo('x', { size: 1 }));
    await test.server.stop();
    const again = await startApiServer({ store: test.store });
    expect((await again.client.resource(foos).list()).items).toHaveLength(1);
    await again.stop();
  });

  it('whose names are taken waits until they are free', async () => {
    await crds().create(crd());
    await established();
    await crds().create(
      crd((other) => {
        other.metadata.name = 'bars.example.com';
        other.spec.names = { plural: 'bars', kind: 'Bar', shortNames: ['fo'] };
      }),
    );
    const refused = await untilCrd('bars.example.com', (object) => condition(object, 'Established') !== undefined);
    expect(condition(refused, 'NamesAccepted')).toMatchObject({
      status: 'False',
      reason: 'ShortNamesConflict',
      message: '"fo" is already in use',
    });
    expect(condition(refused, 'Established')).toMatchObject({
      status: 'False',
      reason: 'NotAccepted',
      message: 'not all names are accepted',
    });
    await crds().delete({ name: 'foos.example.com' });
    await established('bars.example.com');
  });
});

describe('validation of a CRD', () => {
  const table: [string, (crd: CustomResourceDefinition) => void, string][] = [
    [
      'name',
      (object) => {
        object.metadata.name = 'foo.example.com';
      },
      'metadata.name: Invalid value: "foo.example.com": must be spec.names.plural+"."+spec.group',
    ],
    [
      'two storage versions',
      (object) => object.spec.versions.push({ name: 'v2', served: true, storage: true, schema }),
      'spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version',
    ],
    [
      'no schema',
      (object) => {
        object.spec.versions = [{ name: 'v1', served: true, storage: true }];
      },
      'spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required',
    ],
    [
      'scope',
      (object) => {
        object.spec.scope = 'Global' as never;
      },
      'spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"',
    ],
    [
      'printer column path',
      (object) => {
        object.spec.versions[0]!.additionalPrinterColumns = [{ name: 'A', type: 'string', jsonPath: '.a[' }];
      },
      'spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: ".a["',
    ],
    [
      'a protected group',
      (object) => {
        object.metadata.name = 'foos.example.k8s.io';
        object.spec.group = 'example.k8s.io';
      },
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation',
    ],
    [
      'a selectable field that is not there',
      (object) => {
        object.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec.nope' }];
      },
      'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.nope": is an invalid path: does not refer to a valid field',
    ],
    [
      'a selectable field twice',
      (object) => {
        object.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec.size' }, { jsonPath: '.spec.size' }];
      },
      'spec.versions[0].selectableFields[1].jsonPath: Duplicate value: ".spec.size"',
    ],
    [
      'a selectable field that is no scalar',
      (object) => {
        object.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec' }];
      },
      'must point to a field of type string, boolean or integer',
    ],
    [
      'a warning of a version that is not deprecated',
      (object) => {
        object.spec.versions[0]!.deprecationWarning = 'do not';
      },
      'spec.versions[0].deprecationWarning: Invalid value: "do not": can only be set for deprecated versions',
    ],
    [
      'a default that the schema refuses',
      (object) => {
        const spec = {
          type: 'object' as const,
          default: { nope: 1 },
          properties: { a: { type: 'integer' as const, default: 'x' } },
        };
        object.spec.versions[0]!.schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
      },
      '[spec.versions[0].schema.openAPIV3Schema.properties[spec].default: Invalid value: {"nope":1}: must not have unknown fields, spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[a].default: Invalid value: "string":',
    ],
  ];
  it.each(table)('%s', async (_, change, message) => {
    await expect(crds().create(crd(change))).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining(message),
    });
  });

  it('lets what was wrong before a rule came stay, and nothing more of it', async () => {
    const spec = { type: 'object' as const, properties: { a: { type: 'integer' as const, default: 'x' } } };
    const object = {
      ...crd(),
      metadata: { name: 'foos.example.com', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
    };
    object.spec.versions[0]!.schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
    object.spec.names = { ...object.spec.names, singular: 'foo', listKind: 'FooList' };
    const key = '/registry/apiextensions.k8s.io/customresourcedefinitions/foos.example.com';
    await test.store.txn([], [{ key, value: Buffer.from(JSON.stringify(object)) }]);
    const stored = await established();
    stored.spec.versions[0]!.deprecated = true;
    const updated = await crds().update(stored);
    updated.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec.nope' }];
    await expect(crds().update(updated)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^CustomResource.* is invalid: spec.versions\[0\].selectableFields\[0\].jsonPath: [^[]*$/,
      ),
    });
  });

  it('refuses a rule that does not compile, with its place', async () => {
    const withRules = crd((object) => {
      object.spec.versions[0]!.schema = {
        openAPIV3Schema: { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.nope' }] },
      };
    });
    await expect(crds().create(withRules)).rejects.toMatchObject({
      code: 422,
      status: {
        details: {
          causes: [
            {
              field: 'spec.versions[0].schema.openAPIV3Schema.x-kubernetes-validations[0].rule',
              message: expect.stringContaining("undefined field 'nope'"),
            },
          ],
        },
      },
    });
  });

  it('keeps a version while objects may be stored in it', async () => {
    await crds().create(crd());
    const stored = await established();
    stored.spec.versions = [{ name: 'v2', served: true, storage: true, schema }];
    await expect(crds().update(stored)).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions'),
    });
  });
});

describe('custom resources', () => {
  beforeEach(async () => {
    await crds().create(
      crd((object) => {
        object.spec.versions[0]!.additionalPrinterColumns = [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Seen', type: 'date', jsonPath: '.status.seen' },
        ];
      }),
    );
    await established();
  });

  it('are defaulted and pruned', async () => {
    const created = await test.client.resource(foos).create(foo('x', { size: 1, unknown: 1 }));
    expect(created['spec']).toEqual({ size: 1, mode: 'a' });
    expect(created.metadata.generation).toBe(1);
  });

  const refusals: [string, object, string][] = [
    ['a missing field', {}, 'spec.size: Required value'],
    ['too much', { size: 4 }, 'spec.size: Invalid value: 4: spec.size in body should be less than or equal to 3'],
    ['a value not listed', { size: 1, mode: 'c' }, 'spec.mode: Unsupported value: "c": supported values: "a", "b"'],
    [
      'a wrong type',
      { size: 'big' },
      'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    ],
  ];
  it.each(refusals)('are refused for %s', async (_, spec, message) => {
    await expect(test.client.resource(foos).create(foo('x', spec))).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining(message),
    });
  });

  it('keep status and the rest apart', async () => {
    const resource = test.client.resource(foos);
    const created = await resource.create(foo('x', { size: 1 }, { status: { seen: 'no' } }));
    expect(created['status']).toBeUndefined();
    const seen = await resource.updateStatus({ ...created, spec: { size: 3 }, status: { seen: 'yes' } });
    expect([seen['spec'], seen['status'], seen.metadata.generation]).toEqual([
      { size: 1, mode: 'a' },
      { seen: 'yes' },
      1,
    ]);
    const changed = await resource.update({ ...seen, spec: { size: 2, mode: 'a' }, status: {} });
    expect([changed['status'], changed.metadata.generation]).toEqual([{ seen: 'yes' }, 2]);
  });

  it('print the columns of their CRD', async () => {
    await test.client.resource(foos).create(foo('x', { size: 2 }));
    const table = await test.client.request<{ columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] }>(
      'GET',
      '/apis/example.com/v1/foos',
      { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
    );
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Size', 'Seen']);
    expect(table.rows[0]?.cells).toEqual(['x', 2, null]);
  });

  it('take a changed schema at once, defaults on read included', async () => {
    await test.client.resource(foos).create(foo('x', { size: 1 }));
    const stored = await crds().get({ name: 'foos.example.com' });
    const properties = stored.spec.versions[0]!.schema!.openAPIV3Schema!.properties as never as {
      spec: { properties: Record<string, object> };
    };
    properties.spec.properties['colour'] = { type: 'string', default: 'blue' };
    const updated = await crds().update(stored);
    const readSpec = async () =>
      (await test.client.resource(foos).get({ namespace: 'default', name: 'x' }))['spec'] as object;
    await expect.poll(readSpec).toEqual({ size: 1, mode: 'a', colour: 'blue' });
    expect(updated.metadata.generation).toBe(2);
  });

  it('are served in every version, which differ in apiVersion only', async () => {
    await test.client.resource(foos).create(foo('x', { size: 1 }));
    const stored = await crds().get({ name: 'foos.example.com' });
    stored.spec.versions[0]!.storage = false;
    stored.spec.versions.push({ name: 'v2', served: true, storage: true, schema, subresources: { status: {} } });
    await crds().update(stored);
    const v2 = test.client.resource({ ...foos, version: 'v2' });
    await expect
      .poll(() => v2.get({ namespace: 'default', name: 'x' }).catch(() => undefined))
      .toMatchObject({ apiVersion: 'example.com/v2', spec: { size: 1 } });
    await v2.create({ ...foo('y', { size: 2 }), apiVersion: 'example.com/v2' });
    const asV1 = await test.client.resource(foos).get({ namespace: 'default', name: 'y' });
    expect(asV1.apiVersion).toBe('example.com/v1');
    expect((await crds().get({ name: 'foos.example.com' })).status?.storedVersions).toEqual(['v1', 'v2']);
  });
});

describe('deleting a CRD', () => {
  it('deletes its objects first and then serves it no more', async () => {
    await crds().create(crd());
    await established();
    await test.client.resource(foos).create(foo('x', { size: 1 }));
    await crds().delete({ name: 'foos.example.com' });
    await untilGone('foos.example.com');
    await expect(test.client.resource(foos).list()).rejects.toMatchObject({ code: 404 });
    await crds().create(crd());
    await established();
    expect((await test.client.resource(foos).list()).items).toEqual([]);
  });

  it('waits for finalizers of its objects, and lets nothing new in meanwhile', async () => {
    await crds().create(crd());
    await established();
    const held = foo('x', { size: 1 });
    held.metadata.finalizers = ['example.com/hold'];
    await test.client.resource(foos).create(held);
    await crds().delete({ name: 'foos.example.com' });
    const going = await untilCrd('foos.example.com', (object) => condition(object, 'Terminating')?.status === 'True');
    expect(condition(going, 'Terminating')).toMatchObject({
      reason: 'InstanceDeletionInProgress',
      message: 'CustomResource deletion is in progress',
    });
    await expect(test.client.resource(foos).create(foo('y', { size: 1 }))).rejects.toMatchObject({
      code: 403,
      message: 'foos.example.com "y" is forbidden: create not allowed while custom resource definition is terminating',
    });
    await test.client
      .resource(foos)
      .patch({ namespace: 'default', name: 'x' }, 'merge', { metadata: { finalizers: null } });
    await untilGone('foos.example.com');
  });
});

it('runs the rules of a CRD on its objects', async () => {
  const rules = [
    { rule: "self.metadata.name.startsWith('a') || self.spec.size < 2", message: 'only an a may be big' },
    { rule: 'oldSelf.spec.size <= self.spec.size', message: 'it never shrinks' },
  ];
  await crds().create(
    crd((object) => {
      const root = { ...schema.openAPIV3Schema, type: 'object' as const, 'x-kubernetes-validations': rules };
      object.spec.versions[0]!.schema = { openAPIV3Schema: root };
    }),
  );
  await established();
  const resource = test.client.resource<Unstructured>(foos);
  await expect(resource.create(foo('b', { size: 2 }))).rejects.toMatchObject({
    code: 422,
    message: 'Foo.example.com "b" is invalid: <nil>: Invalid value: "object": only an a may be big',
  });
  const created = await resource.create(foo('a', { size: 2 }));
  created['spec'] = { size: 1 };
  await expect(resource.update(created)).rejects.toMatchObject({
    message: expect.stringContaining('it never shrinks'),
  });
});
