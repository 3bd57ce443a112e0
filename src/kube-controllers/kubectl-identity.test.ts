/** Certificates, tokens, impersonation and custom resources, as kubectl sees them: over TLS, with the real program. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { requestFor } from '../../test/support/certificate-request.ts';
import { run, toolPath } from '../../test/support/kubectl.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { createClient } from '../client/client.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../component/certificates.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';

let folder: string;
let api: TestApiServer;
let ca: KeyPair;
let converter: Server;
const stop = new AbortController();
let running: Promise<void>;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'identity-'));
  ca = await createCertificateAuthority({ commonName: 'ca', days: 2 });
  const local = { ipAddresses: ['127.0.0.1'], days: 1, usages: ['server'] as const };
  const serving = await issueCertificate(ca, { commonName: 's', ...local });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    days: 1,
    usages: ['client'],
  });
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
  api = await startApiServer({
    clientCa: ca.cert,
    serving: { port: 0, ...serving },
    serviceAccountKey: key.toString(),
    bootstrapTokens: true,
  });
  converter = createServer(serving, convert);
  await new Promise<void>((resolve) => converter.listen(0, '127.0.0.1', resolve));
  const client = createClient(api.server.localTransport());
  const informers = createInformerFactory(client);
  const controllers = createKubeControllers({
    client,
    informers,
    serviceAccountKey: key.toString(),
    rootCa: ca.cert,
    clusterSigning: { ...ca, durationMs: 3_600_000 },
  });
  informers.start(stop.signal);
  running = controllers.run(stop.signal);
  writeConfig('admin', { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) });
});
afterAll(async () => {
  stop.abort();
  await running.catch(() => undefined);
  await api.stop();
  converter.closeAllConnections();
  converter.close();
  rmSync(folder, { recursive: true });
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

function writeConfig(name: string, user: object): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: api.server.url, 'certificate-authority-data': base64(ca.cert) } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: 'c', user: name } }],
    'current-context': name,
  };
  writeFileSync(file(`${name}.config`), stringify(config), { mode: 0o600 });
}

async function kubectl(args: string[], input?: string | object, config = 'admin') {
  const text = typeof input === 'object' ? JSON.stringify(input) : input;
  const env = { HOME: folder, KUBECONFIG: file(`${config}.config`), PATH: process.env['PATH'] ?? '' };
  const { code, stdout, stderr } = await run(toolPath('kubectl'), args, {
    env,
    ...(text === undefined ? {} : { input: text }),
  });
  return { code, stdout, stderr };
}

async function out(args: string[], input?: string | object, config?: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, input, config);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** v1 `spec.host`, `spec.port` ⇄ v1beta1 `spec.hostPort`. */
async function convert(request: AsyncIterable<Buffer>, response: { end(text: string): void }): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const review = JSON.parse(Buffer.concat(chunks).toString());
  const { uid, objects, desiredAPIVersion } = review.request;
  const convertedObjects = objects.map((object: Unstructured) => {
    const spec = object['spec'] as { host?: string; port?: string; hostPort?: string };
    const [host, port] = spec.hostPort?.split(':') ?? [];
    const next = desiredAPIVersion.endsWith('/v1') ? { host, port } : { hostPort: `${spec.host}:${spec.port}` };
    return { ...object, apiVersion: desiredAPIVersion, spec: next };
  });
  response.end(
    JSON.stringify({
      ...review,
      request: undefined,
      response: { uid, convertedObjects, result: { status: 'Success' } },
    }),
  );
}

describe('kubectl certificate', () => {
  const request = async (name: string, subject: string) => {
    const made = await requestFor(subject, { key: 'rsa' });
    writeFileSync(file(`${name}.key`), made.key, { mode: 0o600 });
    return {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request: base64(made.request),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
      },
    };
  };

  it('approve gives a certificate that opens the door', async () => {
    expect(await out(['apply', '-f', '-'], await request('jane', '/O=dev/O=ops/CN=jane'))).toBe(
      'certificatesigningrequest.certificates.k8s.io/jane created\n',
    );
    expect(await out(['get', 'csr'])).toMatch(
      /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\njane +\d+s +kubernetes.io\/kube-apiserver-client +admin +<none> +Pending\n$/,
    );
    expect(await out(['certificate', 'approve', 'jane'])).toBe(
      'certificatesigningrequest.certificates.k8s.io/jane approved\n',
    );
    await out(['wait', 'csr/jane', '--for=jsonpath={.status.certificate}', '--timeout=20s']);
    expect(await out(['get', 'csr', 'jane'])).toContain('Approved,Issued');
    const certificate = await out(['get', 'csr', 'jane', '-o', 'jsonpath={.status.certificate}']);
    writeConfig('jane', { 'client-certificate-data': certificate, 'client-key': file('jane.key') });
    const who = JSON.parse(await out(['auth', 'whoami', '-o', 'json'], undefined, 'jane'));
    expect(who.status.userInfo).toMatchObject({ username: 'jane', groups: ['dev', 'ops', 'system:authenticated'] });
  });

  it('deny is the last word', async () => {
    await out(['apply', '-f', '-'], await request('eve', '/CN=eve'));
    expect(await out(['certificate', 'deny', 'eve'])).toBe(
      'certificatesigningrequest.certificates.k8s.io/eve denied\n',
    );
    expect(await out(['get', 'csr', 'eve'])).toMatch(/ Denied\n$/);
    const { code, stderr } = await kubectl(['certificate', 'approve', 'eve']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('Denied')]);
  });
});

describe('tokens and impersonation', () => {
  it('a bootstrap token may say who it is, and ask for a certificate only when it is let', async () => {
    const token = 'abcdef.0123456789abcdef';
    const [id, secret] = token.split('.');
    await out(['apply', '-f', '-'], {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
      stringData: {
        'token-id': id,
        'token-secret': secret,
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:karmada:default-cluster-token',
      },
    });
    writeConfig('joiner', { token });
    const who = JSON.parse(await out(['auth', 'whoami', '-o', 'json'], undefined, 'joiner'));
    expect(who.status.userInfo.username).toBe('system:bootstrap:abcdef');
    expect((await kubectl(['auth', 'can-i', 'create', 'csr'], undefined, 'joiner')).stdout).toBe('no\n');
    await out([
      'create',
      'clusterrolebinding',
      'join',
      '--clusterrole=system:node-bootstrapper',
      '--group=system:bootstrappers:karmada:default-cluster-token',
    ]);
    expect((await kubectl(['auth', 'can-i', 'create', 'csr'], undefined, 'joiner')).stdout).toBe('yes\n');
    await out(['delete', 'secret', '-n', 'kube-system', `bootstrap-token-${id}`]);
    expect((await kubectl(['auth', 'whoami'], undefined, 'joiner')).stderr).toContain('Unauthorized');
  });

  it('a token of a service account ends with its account', async () => {
    await out(['create', 'serviceaccount', 'robot']);
    const token = (await out(['create', 'token', 'robot', '--duration=10m'])).trim();
    writeConfig('robot', { token });
    const who = JSON.parse(await out(['auth', 'whoami', '-o', 'json'], undefined, 'robot'));
    expect(who.status.userInfo).toMatchObject({
      username: 'system:serviceaccount:default:robot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    });
    await out(['delete', 'serviceaccount', 'robot']);
    expect((await kubectl(['auth', 'whoami'], undefined, 'robot')).code).toBe(1);
  });

  it('impersonates users, groups, uids and extras', async () => {
    const who = JSON.parse(
      await out([
        'auth',
        'whoami',
        '-o',
        'json',
        '--as=jane',
        '--as-group=dev, staff',
        '--as-group=ops',
        '--as-uid=42',
        '--as-user-extra=acme.com/project=moon',
      ]),
    );
    expect(who.status.userInfo).toEqual({
      username: 'jane',
      uid: '42',
      groups: ['dev, staff', 'ops', 'system:authenticated'],
      extra: { 'acme.com/project': ['moon'] },
    });
  });

  it('refuses to grant more than one holds', async () => {
    await out([
      'create',
      'role',
      'granter',
      '--verb=create,get,update,patch',
      '--resource=roles.rbac.authorization.k8s.io',
    ]);
    await out(['create', 'rolebinding', 'granter', '--role=granter', '--user=pat']);
    const { code, stderr } = await kubectl([
      'create',
      'role',
      'more',
      '--verb=get,list',
      '--resource=secrets',
      '--as=pat',
    ]);
    expect([code, stderr]).toEqual([
      1,
      'Error from server (Forbidden): roles.rbac.authorization.k8s.io "more" is forbidden: user "pat" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}\n',
    ]);
    const rules = await out(['auth', 'can-i', '--list', '--as=pat', '-n', 'default']);
    expect(rules).toMatch(/roles\.rbac\.authorization\.k8s\.io +\[\] +\[\] +\[create get update patch\]/);
  });
});

describe('a custom resource with two versions', () => {
  const text = { type: 'string' };
  const version = (name: string, storage: boolean, properties: object) => ({
    name,
    served: true,
    storage,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            properties,
            'x-kubernetes-validations': [
              { rule: "!has(self.host) || self.host.find('[a-z]+') != ''", message: 'host needs a letter' },
            ],
          },
          status: { type: 'object', properties: { phase: text } },
        },
      },
    },
    subresources: { status: {} },
  });
  const crd = () => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'sites.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'sites', kind: 'Site', shortNames: ['si'] },
      scope: 'Namespaced',
      versions: [
        version('v1', true, { host: { ...text, description: 'Where it lives.' }, port: text }),
        {
          ...version('v1beta1', false, { hostPort: text }),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { hostPort: text } } },
            },
          },
        },
      ],
      conversion: {
        strategy: 'Webhook',
        webhook: {
          clientConfig: {
            url: `https://127.0.0.1:${(converter.address() as AddressInfo).port}/convert`,
            caBundle: base64(ca.cert),
          },
          conversionReviewVersions: ['v1'],
        },
      },
    },
  });
  const site = {
    apiVersion: 'example.com/v1beta1',
    kind: 'Site',
    metadata: { name: 'one' },
    spec: { hostPort: 'a:1' },
  };

  it('is applied, read, explained, edited and watched in both', async () => {
    await out(['apply', '-f', '-'], crd());
    await out(['wait', '--for=condition=Established', 'crd/sites.example.com', '--timeout=10s']);
    expect(await out(['apply', '-f', '-'], site)).toBe('site.example.com/one created\n');
    expect(await out(['get', 'si', 'one', '-o', 'jsonpath={.apiVersion} {.spec.host} {.spec.port}'])).toBe(
      'example.com/v1 a 1',
    );
    expect(await out(['get', 'sites.v1beta1.example.com', '-o', 'jsonpath={.items[*].spec.hostPort}'])).toBe('a:1');
    expect(await out(['explain', 'site.spec.host', '--api-version=example.com/v1'])).toContain('Where it lives.');
    expect(
      await out(['patch', 'sites.v1beta1.example.com', 'one', '--type=merge', '-p', '{"spec":{"hostPort":"b:2"}}']),
    ).toContain('patched');
    expect(await out(['get', 'site', 'one', '-o', 'jsonpath={.spec.host}'])).toBe('b');
    await out(['patch', 'site', 'one', '--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Up"}}']);
    await out(['wait', 'site/one', '--for=jsonpath={.status.phase}=Up', '--timeout=10s']);
    const applied = await kubectl(['apply', '--server-side', '-f', '-'], {
      ...site,
      apiVersion: 'example.com/v1',
      spec: { port: '9' },
    });
    expect(applied.stderr).toMatch(/with "kubectl-patch" using example.com\/v1beta1:\n- \.spec\.hostPort\n/);
    const bad = await kubectl(['patch', 'site', 'one', '--type=merge', '-p', '{"spec":{"host":"123"}}']);
    expect(bad.stderr).toContain('host needs a letter');
  });

  it('goes at once, with its objects, its routes and its documents', async () => {
    expect(await out(['delete', 'crd', 'sites.example.com', '--timeout=20s'])).toContain('deleted');
    // kubectl keeps discovery on disk: it asks for what it remembers.
    expect((await kubectl(['get', 'sites'])).stderr).toContain('the server could not find the requested resource');
    await out(['api-resources']);
    expect((await kubectl(['get', 'sites'])).stderr).toContain('doesn\'t have a resource type "sites"');
    const index = JSON.parse(await out(['get', '--raw', '/openapi/v3']));
    expect(Object.keys(index.paths)).not.toContain('apis/example.com/v1');
    expect(
      JSON.parse(await out(['get', '--raw', '/apis'])).groups.map(({ name }: { name: string }) => name),
    ).not.toContain('example.com');
  });
});
