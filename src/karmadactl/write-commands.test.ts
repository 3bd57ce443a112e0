/** What apply, delete, label and patch do that takes flags; the outputs are those that kubectl 1.35 gives on the same server. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { kubeconfigFor, type ProxyScene, startProxyScene } from '../../test/support/proxy-scene.ts';
import { configMaps, deployments } from '../kubernetes/resource-types.ts';
import { runKarmadactl } from './cli.ts';

let scene: ProxyScene;
let folder = '';

const configMap = (name: string, data: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}${more}}\ndata: {${data}}\n`;
const deployment = (label: string, more = ''): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {${more}selector: {matchLabels: {a: ${label}}}, template: {metadata: {labels: {a: ${label}}}, spec: {containers: [{name: c, image: i}]}}}\n`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'write-commands-'));
  scene = await startProxyScene([]);
  await kubeconfigFor(scene, 'alice', join(folder, 'config'));
  await scene.grant('everything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], 'alice');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await scene.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  for (const type of [configMaps, deployments])
    await scene.control.client.resource(type).deleteCollection({ namespace: 'default' });
});

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

async function ctl(line: string, input?: string): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const io = {
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
    ...(input === undefined
      ? {}
      : {
          stdin: (async function* () {
            yield Buffer.from(input);
          })(),
        }),
  };
  const argv = [`--kubeconfig=${folder}/config`, ...line.split(' ')];
  return { code: await runKarmadactl(argv, io, new AbortController().signal), out, err };
}
const dataOf = async (name: string): Promise<string> => (await ctl(`get cm ${name} -o jsonpath={.data}`)).out;
const ok = (out: string) => ({ code: 0, out, err: '' });

describe('apply --prune', () => {
  it('deletes what was applied once and is no longer there, and nothing else', async () => {
    await ctl('create cm plain');
    await ctl(
      `apply -f ${file('all.yaml', `${configMap('x', 'a: b')}---\n${configMap('w', 'a: b')}---\n${deployment('b')}`)}`,
    );
    const one = file('one.yaml', configMap('x', 'a: b'));
    const told = 'configmap/w pruned (dry run)\ndeployment.apps/d pruned (dry run)\n';
    expect((await ctl(`apply --prune --all -f ${one} --dry-run=client`)).out).toBe(
      `configmap/x configured (dry run)\n${told}`,
    );
    expect((await ctl(`apply --prune --all -f ${one} --dry-run=server`)).out).toBe(
      `configmap/x unchanged (server dry run)\n${told.replaceAll('(dry', '(server dry')}`,
    );
    expect((await ctl(`apply --prune --all --prune-allowlist=core/v1/ConfigMap --wait -f ${one}`)).out).toBe(
      'configmap/x unchanged\nconfigmap/w pruned\n',
    );
    expect((await ctl('get cm,deploy -o name')).out).toBe('configmap/plain\nconfigmap/x\ndeployment.apps/d\n');
  });

  it('of a selector takes only what it selects', async () => {
    const labelled = `${configMap('x', 'a: b', ', labels: {app: web}')}---\n${configMap('w', 'a: b', ', labels: {app: web}')}`;
    await ctl(`apply -f ${file('labelled.yaml', `${labelled}---\n${configMap('z', 'a: b')}`)}`);
    const one = file('one.yaml', configMap('x', 'a: b', ', labels: {app: web}'));
    expect((await ctl(`apply --prune -l app=web -f ${one}`)).out).toBe('configmap/x unchanged\nconfigmap/w pruned\n');
    expect((await ctl('get cm -o name')).out).toContain('configmap/z');
  });

  it.each([
    ['--prune', 'all resources selected for prune without explicitly passing --all. '],
    ['--prune --all -l a=b', 'cannot set --all and --selector at the same time'],
    ['--prune --all --prune-allowlist=x', 'invalid GroupVersionKind format: x, please follow <group/version/kind>'],
    ['--prune --all --prune-allowlist=core/v1/Foo', 'no matches for kind "Foo" in version "v1"'],
    ['--force --server-side', '--force cannot be used with --server-side'],
    ['--force --dry-run=server', '--dry-run=server cannot be used with --force'],
    ['--subresource=status', '--subresource can only be specified for --server-side'],
    ['--cascade=x', 'invalid cascade value (x). Must be "background", "foreground", or "orphan"'],
  ])('apply %s is refused', async (flags, message) => {
    const { code, out, err } = await ctl(`apply ${flags} -f ${file('x.yaml', configMap('x', 'a: b'))}`);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err.startsWith(`error: ${message}`)).toBe(true);
  });
});

describe('apply', () => {
  it('--force deletes and makes anew what cannot be changed', async () => {
    await ctl(`apply -f ${file('d.yaml', deployment('b'))}`);
    const uid = (await ctl('get deploy d -o jsonpath={.metadata.uid}')).out;
    const changed = file('changed.yaml', deployment('c'));
    expect((await ctl(`apply -f ${changed}`)).err).toBe(
      'The Deployment "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable\n',
    );
    expect(await ctl(`apply -f ${changed} --force`)).toEqual(ok('deployment.apps/d configured\n'));
    expect((await ctl('get deploy d -o jsonpath={.metadata.uid}')).out).not.toBe(uid);
    // What nobody can make is not lost over it.
    const broken = file('broken.yaml', deployment('c', 'replicas: -1, '));
    expect((await ctl(`apply -f ${broken} --force`)).code).toBe(1);
    expect((await ctl('get deploy d -o name')).out).toBe('deployment.apps/d\n');
  });

  it('--overwrite=false leaves what others changed', async () => {
    await ctl(`apply -f ${file('o.yaml', configMap('o', 'a: "1", b: "1"'))}`);
    await ctl('patch cm o -p {"data":{"b":"5"}}');
    const own = file('own.yaml', configMap('o', 'a: "2", b: "5"'));
    expect((await ctl(`apply -f ${own} --overwrite=false`)).out).toBe('configmap/o configured\n');
    await ctl('patch cm o -p {"data":{"b":"6"}}');
    const { code, err } = await ctl(`apply -f ${own} --overwrite=false`);
    expect(code).toBe(1);
    expect(err).toContain('conflicts with changes made from original to current:\n{"data":{"b":"6"}}\n');
    expect(await dataOf('o')).toBe('{"a":"2","b":"6"}');
    expect((await ctl(`apply -f ${own}`)).out).toBe('configmap/o configured\n');
    expect(await dataOf('o')).toBe('{"a":"2","b":"5"}');
  });

  it('--server-side takes over what was applied on the client, with fields that are no longer named', async () => {
    await ctl(`apply -f ${file('o.yaml', configMap('o', 'a: "1", b: "1"'))}`);
    const less = file('less.yaml', configMap('o', 'a: "2"'));
    expect(await ctl(`apply -f ${less} --server-side`)).toEqual(ok('configmap/o serverside-applied\n'));
    expect(await dataOf('o')).toBe('{"a":"2"}');
    expect((await ctl('get cm o -o jsonpath={.metadata.managedFields[*].manager} --show-managed-fields')).out).toBe(
      'kubectl kubectl-last-applied',
    );
    await ctl('patch cm o --field-manager=other -p {"data":{"a":"9"}}');
    const { err } = await ctl(`apply -f ${less} --server-side`);
    expect(err).toMatch(/^error: Apply failed with 1 conflict: conflict with "other".*: \.data\.a\nPlease review /);
    expect((await ctl(`apply -f ${less} --server-side --force-conflicts`)).code).toBe(0);
    expect(await dataOf('o')).toBe('{"a":"2"}');
  });

  it('goes on after one that fails, and says where it was read', async () => {
    const path = file('two.yaml', `${configMap('x', 'a: b')}foo: bar\n---\n${configMap('good', 'a: b')}`);
    expect(await ctl(`apply -f ${path}`)).toEqual({
      code: 1,
      out: 'configmap/good created\n',
      err: `Error from server (BadRequest): error when creating "${path}": ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"\n`,
    });
    expect(await ctl(`apply -f ${path} --validate=warn`)).toMatchObject({
      code: 0,
      err: 'Warning: unknown field "foo"\n',
    });
  });

  it('reads numbers as Kubernetes does, and files by patterns', async () => {
    const volume = 'volumes: [{name: v, configMap: {name: x, defaultMode: 0644}}], ';
    mkdirSync(join(folder, 'many'));
    file('many/a.yaml', deployment('b').replace('containers:', `${volume}containers:`));
    file('many/b.yaml', configMap('x', 'a: b'));
    expect((await ctl(`apply -f ${folder}/many/*.yaml`)).out).toBe('deployment.apps/d created\nconfigmap/x created\n');
    expect((await ctl('get deploy d -o jsonpath={.spec.template.spec.volumes[0].configMap.defaultMode}')).out).toBe(
      '420',
    );
    expect((await ctl(`apply -f ${folder}/many/*.foo`)).err).toBe(
      `error: the path "${folder}/many/*.foo" does not exist\n`,
    );
  });

  it('says when the server does not know the kind', async () => {
    const path = file('foo.yaml', 'apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: f}\n');
    expect((await ctl(`apply -f ${path}`)).err).toBe(
      `error: resource mapping not found for name: "f" namespace: "" from "${path}": no matches for kind "Foo" in version "example.com/v1"\nensure CRDs are installed first\n`,
    );
  });

  it('-k applies what kubectl makes of a kustomization, and says when there is no kubectl', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(
      join(bin, 'kubectl'),
      `#!/bin/sh\n[ "$1" = kustomize ] || exit 1\n[ -d "$2" ] || { echo "error: no $2" >&2; exit 1; }\nprintf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: built}\\n'\n`,
    );
    chmodSync(join(bin, 'kubectl'), 0o755);
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    expect((await ctl(`apply -k ${folder}`)).out).toBe('configmap/built created\n');
    expect((await ctl(`delete -k ${folder}`)).out).toBe('configmap "built" deleted from default namespace\n');
    expect((await ctl('apply -k none')).err).toBe('error: no none\n');
    vi.stubEnv('PATH', join(folder, 'many'));
    expect((await ctl(`apply -k ${folder}`)).err).toContain(
      'kustomizations are built by kubectl or kustomize, and neither is in PATH',
    );
  });
});

describe('delete', () => {
  const asked = 'You are about to delete the following 1 resource(s):\nconfigmap/x\nDo you want to continue? (y/N): ';

  it.each([
    ['y\n', 'configmap "x" deleted from default namespace\n'],
    ['Y', 'configmap "x" deleted from default namespace\n'],
    ['yes\n', 'deletion is cancelled\n'],
    ['n\n', 'deletion is cancelled\n'],
    ['', 'deletion is cancelled\n'],
  ])('-i answered with %j', async (answer, told) => {
    await ctl('create cm x');
    expect(await ctl('delete cm x -i', answer)).toEqual(ok(asked + told));
  });

  it('--all does not mind what is gone; --all with a selector is refused', async () => {
    expect(await ctl('delete cm --all')).toEqual(ok('No resources found\n'));
    expect((await ctl('delete cm --all -l a=b')).err).toContain(
      "setting 'all' parameter but found a non empty selector",
    );
  });

  it('and create send --raw requests', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const made = await ctl(`create --raw ${path} -f ${file('raw.json', '{"metadata":{"name":"raw"}}')}`);
    expect(JSON.parse(made.out)).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'raw' } });
    expect(JSON.parse((await ctl(`delete --raw ${path}/raw`)).out)).toMatchObject({ status: 'Success' });
    expect((await ctl(`delete --raw ${path}/raw`)).err).toBe(
      'Error from server (NotFound): configmaps "raw" not found\n',
    );
    expect((await ctl('delete --raw a')).err).toBe(
      'error: --raw must be a valid URL path: parse "a": invalid URI for request\n',
    );
  });
});

describe('without a server (--local)', () => {
  const local = async (line: string) => {
    const path = file('local.yaml', `${configMap('x', 'k: v', ', labels: {a: b}')}---\n${deployment('b')}`);
    return ctl(line.replace('FILE', path));
  };

  it.each([
    ['label --local -f FILE q=1', 'configmap/x labeled\ndeployment.apps/d labeled\n', ''],
    ['label --local -f FILE a-', 'configmap/x unlabeled\ndeployment.apps/d labeled\n', ''],
    ['label --local -f FILE a=b -o name', 'configmap/x\ndeployment.apps/d\n', ''],
    [
      'label --local -f FILE a=1',
      'deployment.apps/d labeled\n',
      "error: 'a' already has a value (b), and --overwrite is false\n",
    ],
    ['label --local -f FILE --list', 'a=b\n', ''],
    [
      'label --local cm x q=1',
      '',
      'error: can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set\n',
    ],
    [
      'annotate --local cm x q=1',
      '',
      'error: can only use local files by -f rsrc.yaml or --filename=rsrc.json when --local=true is set\n',
    ],
    ['annotate --local -f FILE q=1 -o jsonpath={.metadata.annotations}', '{"q":"1"}{"q":"1"}', ''],
    [
      'label --local -f FILE q=1 --dry-run=server',
      '',
      'error: cannot specify --local and --dry-run=server - did you mean --dry-run=client?\n',
    ],
    [
      'patch --local -f FILE -p {"metadata":{"labels":{"a":"b"}}}',
      'configmap/x patched (no change)\ndeployment.apps/d patched\n',
      '',
    ],
    ['patch --local cm x -p {}', '', 'error: cannot specify --local and server resources\n'],
  ])('%s', async (line, out, err) => {
    expect(await local(line)).toEqual({ code: err === '' ? 0 : 1, out, err });
  });

  it('patch merges lists by their keys, and takes JSON patches', async () => {
    const image = '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"new"}]}}}}';
    const path = file('d.yaml', deployment('b'));
    expect((await ctl(`patch --local -f ${path} -p ${image} -o jsonpath={.spec.template.spec.containers}`)).out).toBe(
      '[{"image":"new","name":"c"}]',
    );
    const operation = '[{"op":"replace","path":"/metadata/name","value":"e"}]';
    expect((await ctl(`patch --local -f ${path} --type json -p ${operation}`)).out).toBe('deployment.apps/e patched\n');
  });
});

describe('label and annotate', () => {
  it('start from what others wrote meanwhile, unless they are to go by one version', async () => {
    await ctl('create configmap busy');
    const many = await Promise.all(Array.from({ length: 4 }, (_, i) => ctl(`label configmap busy k${i}=v`)));
    expect(many.map(({ code, err }) => `${code} ${err}`)).toEqual(Array(4).fill('0 '));
    const labels = JSON.parse((await ctl('get cm busy -o jsonpath={.metadata.labels}')).out);
    expect(labels).toEqual({ k0: 'v', k1: 'v', k2: 'v', k3: 'v' });
    expect(await ctl('annotate configmap busy a=b --resource-version=1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('the object has been modified'),
    });
  });
});

describe('the log', () => {
  it('tells of requests from -v=6 on, with bodies from 8 on, and of no credentials', async () => {
    const path = file('s.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hidden}\n');
    const { err } = await ctl(`apply -f ${path} -v=8`);
    expect(err).toMatch(/^I\d{4} [\d:.]+ +\d+ round_trippers\.go\] "Request" verb="GET" url="https:/m);
    expect(err).toContain('"Request Body" body="<masked>"');
    expect(err).not.toContain('hidden');
    expect((await ctl('get cm x --ignore-not-found -v=5')).err).toBe('');
    const one = await ctl('get cm x --ignore-not-found --vmodule=round_*=6 --skip-headers');
    expect(one.err).toMatch(/^"Response" verb="GET" url="[^"]+" status="\d+" milliseconds=\d+$/m);
  });

  it('says that a bare --dry-run is deprecated', async () => {
    const { out, err } = await ctl('create ns x --dry-run');
    expect(out).toBe('namespace/x created (dry run)\n');
    expect(err).toMatch(/^W.*\] --dry-run is deprecated and can be replaced with --dry-run=client\.\n$/);
    expect((await ctl('create ns x --dry-run=true')).err).toMatch(/deprecated \(boolean value\)/);
  });

  it('goes to a file when asked', async () => {
    const log = join(folder, 'log');
    expect((await ctl(`get cm x --ignore-not-found -v=6 --logtostderr=false --log-file=${log}`)).err).toBe('');
    expect((await import('node:fs')).readFileSync(log, 'utf8')).toContain('"Response" verb="GET"');
  });
});
