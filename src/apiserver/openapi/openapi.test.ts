import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';

let test: TestApiServer;
beforeAll(async () => {
  test = await startApiServer();
});
afterAll(() => test.stop());

const index = () => test.client.request<{ paths: Record<string, { serverRelativeURL: string }> }>('GET', '/openapi/v3');

interface Document {
  openapi: string;
  paths: Record<string, Record<string, { parameters: { name: string; in: string }[] } & Record<string, unknown>>>;
  components: { schemas: Record<string, { properties: Record<string, object> } & Record<string, unknown>> };
}
const document = async (key: string) =>
  test.client.request<Document>('GET', (await index()).paths[key]?.serverRelativeURL ?? `/openapi/v3/${key}`);

describe('OpenAPI 3', () => {
  it('has an index with the hash of every document', async () => {
    const { paths } = await index();
    expect(paths['api/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/);
    expect(Object.keys(paths)).toContain('apis/apps/v1');
  });

  it('marks a document under its hash as unchanging, and leads a wrong hash to the right one', async () => {
    const url = (await index()).paths['apis/apps/v1']?.serverRelativeURL ?? '';
    const right = await test.client.transport.request({ method: 'GET', path: url });
    expect(right.headers['cache-control']).toBe('public, immutable');
    const wrong = await test.client.transport.request({ method: 'GET', path: '/openapi/v3/apis/apps/v1?hash=00' });
    expect([wrong.status, wrong.headers['location']]).toEqual([301, url]);
  });

  it('tells kubectl that the server validates fields and knows dry runs', async () => {
    const { paths } = await document('apis/apps/v1');
    const patch = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch'];
    expect(patch?.['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
    expect(patch?.['x-kubernetes-action']).toBe('patch');
    const query = patch?.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
    expect(query).toEqual(expect.arrayContaining(['fieldValidation', 'dryRun']));
  });

  it('publishes shared schemas once, referred to from allOf, with merge keys and kinds', async () => {
    const { components } = await document('apis/apps/v1');
    const deployment = components.schemas['io.k8s.api.apps.v1.Deployment'];
    expect(deployment?.['x-kubernetes-group-version-kind']).toEqual([
      { group: 'apps', version: 'v1', kind: 'Deployment' },
    ]);
    expect(deployment?.properties['spec']).toEqual({
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec' }],
      description: 'What you want; controllers work towards it.',
    });
    expect(components.schemas['io.k8s.api.core.v1.PodSpec']?.properties['containers']).toMatchObject({
      type: 'array',
      items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }] },
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': 'name',
    });
    expect(Object.keys(components.schemas)).toContain('io.k8s.api.apps.v1.DeploymentList');
  });

  it('leaves no reference open', async () => {
    for (const key of Object.keys((await index()).paths)) {
      const text = JSON.stringify(await document(key));
      const { components } = JSON.parse(text) as Document;
      for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
        expect(components.schemas[name ?? ''], `${name} in ${key}`).toBeDefined();
      expect(text).not.toContain('"definition"');
    }
  });
});

describe('OpenAPI 2', () => {
  const get = async (accept: string) => {
    const response = await test.client.transport.request({
      method: 'GET',
      path: '/openapi/v2',
      headers: { accept },
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    return { status: response.status, type: response.headers['content-type'], body: Buffer.concat(chunks) };
  };

  it('is one document, with plain references and without what version 2 does not know', async () => {
    const { type, body } = await get('*/*');
    expect(type).toBe('application/json');
    const text = body.toString();
    const { swagger, definitions } = JSON.parse(text) as { swagger: string; definitions: Record<string, object> };
    expect(swagger).toBe('2.0');
    expect(definitions['io.k8s.apimachinery.pkg.api.resource.Quantity']).toEqual({ type: 'string' });
    expect(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString']).toEqual({
      type: 'string',
      format: 'int-or-string',
    });
    expect(definitions['io.k8s.api.apps.v1.Deployment']).toMatchObject({
      properties: { spec: { $ref: '#/definitions/io.k8s.api.apps.v1.DeploymentSpec' } },
    });
    // JSONSchemaProps has fields of these names.
    const others = Object.entries(definitions).filter(([name]) => !name.endsWith('.JSONSchemaProps'));
    expect(/"(oneOf|anyOf|allOf|nullable)":/.test(JSON.stringify(others))).toBe(false);
    for (const [, name] of text.matchAll(/"#\/definitions\/([^"]+)"/g))
      expect(definitions[name ?? ''], name).toBeDefined();
  });

  it('comes as protobuf to those who ask for it', async () => {
    const { type, body } = await get('application/com.github.proto-openapi.spec.v2@v1.0+protobuf');
    expect(type).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    // Field 1 of the document: swagger "2.0".
    expect([...body.subarray(0, 5)]).toEqual([0x0a, 3, 0x32, 0x2e, 0x30]);
    expect(body.includes('io.k8s.api.apps.v1.Deployment')).toBe(true);
    expect(body.includes('x-kubernetes-group-version-kind')).toBe(true);
  });

  it('comes in no other form', async () => {
    expect((await get('text/html')).status).toBe(406);
  });
});
