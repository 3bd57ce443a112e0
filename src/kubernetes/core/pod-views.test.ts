import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startApiServer, type TestApiServer } from '../../../test/support/api-server.ts';

let api: TestApiServer;
let server: ReturnType<TestApiServer['server']['localTransport']>;
let count = 0;
beforeAll(async () => {
  api = await startApiServer({ disableAdmission: ['ServiceAccount'] });
  server = api.server.localTransport();
});
afterAll(() => api.stop());

const pods = '/api/v1/namespaces/default/pods';
const strategic = { 'content-type': 'application/strategic-merge-patch+json' };

async function pod(resources: object = {}): Promise<string> {
  const name = `p${++count}`;
  const spec = { containers: [{ name: 'c', image: 'i', resources }] };
  const { status } = await send(server, 'POST', pods, { body: { metadata: { name }, spec } });
  expect(status).toBe(201);
  return `${pods}/${name}`;
}
const debug = (path: string, container: object) =>
  send(server, 'PATCH', `${path}/ephemeralcontainers`, {
    headers: strategic,
    body: { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', ...container }] } },
  });

describe('pods/ephemeralcontainers', () => {
  it('adds a container, with its defaults, and nothing else', async () => {
    const path = await pod();
    const { status, body } = await debug(path, { targetContainerName: 'c', stdin: true });
    expect(status).toBe(200);
    expect(body.spec.ephemeralContainers).toEqual([
      {
        name: 'debug',
        image: 'busybox',
        imagePullPolicy: 'Always',
        resources: {},
        stdin: true,
        targetContainerName: 'c',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ]);
    expect(body.metadata.generation).toBe(2);
    const other = { ...body, spec: { ...body.spec, containers: [{ name: 'c', image: 'other' }] } };
    const put = await send(server, 'PUT', `${path}/ephemeralcontainers`, { body: other });
    expect(put.body.spec.containers[0].image).toBe('i');
  });

  it.each<[object, string]>([
    [
      { ports: [{ containerPort: 1 }] },
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    ],
    [
      { resources: { requests: { cpu: '1' } } },
      'spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container',
    ],
    [{ targetContainerName: 'no' }, 'spec.ephemeralContainers[0].targetContainerName: Not found: "no"'],
    [{ name: 'c' }, 'spec.ephemeralContainers[0].name: Duplicate value: "c"'],
  ])('refuses %j', async (container, message) => {
    const { status, body } = await debug(await pod(), container);
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  });

  it('is the only way to them', async () => {
    const ephemeralContainers = [{ name: 'debug', image: 'i' }];
    const spec = { containers: [{ name: 'c', image: 'i' }], ephemeralContainers };
    const { body } = await send(server, 'POST', pods, { body: { metadata: { name: 'early' }, spec } });
    expect(body.message).toContain('spec.ephemeralContainers: Forbidden: cannot be set on create');
  });

  it('neither changes nor removes one that is there', async () => {
    const path = await pod();
    await debug(path, {});
    expect((await debug(path, { image: 'other' })).body.message).toContain(
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed',
    );
    const { body } = await send(server, 'GET', `${path}/ephemeralcontainers`);
    const { ephemeralContainers: _gone, ...spec } = body.spec;
    const removed = await send(server, 'PUT', `${path}/ephemeralcontainers`, { body: { ...body, spec } });
    expect(removed.body.message).toContain('existing ephemeral containers "debug" may not be removed');
  });
});

describe('pods/resize', () => {
  const burstable = { requests: { cpu: '100m', memory: '10Mi' }, limits: { cpu: '1', memory: '20Mi' } };
  const resize = (path: string, resources: object) =>
    send(server, 'PATCH', `${path}/resize`, {
      headers: strategic,
      body: { spec: { containers: [{ name: 'c', image: 'ignored', resources }] } },
    });
  const running = async (path: string, resources: object | undefined) => {
    const { body } = await send(server, 'GET', path);
    const containerStatuses = [{ name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0, resources }];
    await send(server, 'PUT', `${path}/status`, {
      body: { ...body, status: { ...body.status, phase: 'Running', containerStatuses } },
    });
  };

  it('changes resources only', async () => {
    const path = await pod(burstable);
    await running(path, burstable);
    const { status, body } = await resize(path, { requests: { cpu: '200m' } });
    expect(status).toBe(200);
    expect(body.spec.containers[0]).toMatchObject({
      image: 'i',
      resources: { ...burstable, requests: { cpu: '200m', memory: '10Mi' } },
    });
    expect(body.metadata.generation).toBe(2);
  });

  it.each<[object, string]>([
    [{ requests: { cpu: '1', memory: '20Mi' } }, 'Pod QOS Class may not change as a result of resizing'],
    [{ limits: { cpu: null } }, 'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed'],
    [{ requests: { 'ephemeral-storage': '1Gi' } }, 'only cpu and memory resources are mutable'],
    [{ requests: { cpu: '2' } }, 'must be less than or equal to cpu limit of 1'],
  ])('refuses %j', async (resources, message) => {
    const path = await pod(burstable);
    const { status, body } = await resize(path, resources);
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  });

  it('needs a node that can do it', async () => {
    const path = await pod(burstable);
    await running(path, undefined);
    expect((await resize(path, { requests: { cpu: '200m' } })).body.message).toContain(
      'spec: Forbidden: Pod running on node without support for resize',
    );
  });
});
