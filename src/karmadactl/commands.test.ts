/** Commands against a control plane and one member behind its proxy, all in this process. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubeconfigFor, type ProxyScene, startProxyScene } from '../../test/support/proxy-scene.ts';
import { clusterRoleBindings, deployments } from '../kubernetes/resource-types.ts';
import type { Deployment } from '../kubernetes/types.ts';
import { runKarmadactl } from './cli.ts';

let scene: ProxyScene;
let folder = '';
const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'commands-'));
  scene = await startProxyScene(['m1']);
  await kubeconfigFor(scene, 'alice', join(folder, 'config'));
  await scene.grant('everything', everything, 'alice');
  const apiGroup = 'rbac.authorization.k8s.io';
  await scene.members
    .get('m1')
    ?.client.resource(clusterRoleBindings)
    .create({
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'alice-admin' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup, kind: 'User', name: 'alice' }],
    } as never);
  for (const server of [scene.control, ...scene.members.values()]) {
    const labels = { app: 'web' };
    const containers = [{ name: 'web', image: 'web:1' }];
    for (const [name, replicas] of [
      ['b', 1],
      ['a', 2],
    ] as const)
      await server.client.resource<Deployment>(deployments).create({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace: 'default', labels },
        spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
      });
  }
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await scene.stop();
  rmSync(folder, { recursive: true });
});

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = {
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
  };
  const code = await runKarmadactl(argv, io, new AbortController().signal);
  return { code, out, err };
}
const ctl = (line: string) => run(`--kubeconfig=${folder}/config`, ...line.split(' '));

/** An editor that runs one sed command. */
function edits(script: string): void {
  const path = join(folder, 'editor');
  writeFileSync(path, `#!/bin/sh\nsed -i '${script}' "$1"\n`);
  chmodSync(path, 0o755);
  vi.stubEnv('KUBE_EDITOR', path);
}

describe('get', () => {
  it.each([
    ['get deploy -o jsonpath={.items[*].metadata.name} --sort-by=.metadata.name', 'a b'],
    ['get deploy -o name --sort-by=.spec.replicas', 'deployment.apps/b\ndeployment.apps/a\n'],
    ['get deploy a -o custom-columns=N:.metadata.name,R:.spec.replicas', 'N     R\na     2\n'],
    ['get deploy -s members -o go-template={{len_.items}}'.replace('_', ' '), '2'],
  ])('%s', async (line, out) => {
    // The template holds a blank.
    const words = line.split(/ (?![^{]*\}\})/);
    expect(await run(`--kubeconfig=${folder}/config`, ...words)).toEqual({ code: 0, out, err: '' });
  });

  it('sorts the rows of all clusters together, and knows categories', async () => {
    const rows = async (line: string) =>
      (await ctl(line)).out.split('\n').map((row) => row.split(/ +/).slice(0, 2).join(' '));
    expect(await rows('get deploy -s all --sort-by=.spec.replicas --no-headers')).toEqual([
      'b Karmada',
      'b m1',
      'a Karmada',
      'a m1',
      '',
    ]);
    expect((await ctl('get all --no-headers')).out).toContain('deployment.apps/a');
  });

  it.each([
    ['get deploy -o xml', 'unable to match a printer suitable for the output format "xml"'],
    ['get deploy --output-watch-events', '--output-watch-events option can only be used with --watch or --watch-only'],
    ['get deploy -o json --show-labels', '--show-labels option cannot be used with json printer'],
    ['get deploy --sort-by=.x', 'couldn\'t find any field with path "{.x}" in the list of objects'],
  ])('refuses %s', async (line, message) => {
    const { code, err } = await ctl(line);
    expect(code).toBe(1);
    expect(err).toContain(`error: ${message}`);
  });
});

describe('commands that write', () => {
  it('edits', async () => {
    edits('s/replicas: 2$/replicas: 5/');
    expect(await ctl('edit deploy a')).toEqual({ code: 0, out: 'deployment.apps/a edited\n', err: '' });
    expect(await ctl('edit deploy a')).toEqual({ code: 0, out: '', err: 'Edit cancelled, no changes made.\n' });
    edits('s/replicas: 5$/replicas: -5/');
    const refused = await ctl('edit deploy a');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(
      /A copy of your changes has been stored to ".*"\nerror: Edit cancelled, no valid changes were saved\./,
    );
    expect((await ctl('get deploy a -o jsonpath={.spec.replicas}')).out).toBe('5');
  });

  it('applies on the client and on the server', async () => {
    writeFileSync(join(folder, 'x.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n');
    const told: string[] = [];
    for (const flags of ['--dry-run=client', '', '', '--dry-run=server -o name'])
      told.push((await ctl(`apply -f ${folder}/x.yaml ${flags}`.trim())).out);
    expect(told).toEqual([
      'configmap/x created (dry run)\n',
      'configmap/x created\n',
      'configmap/x unchanged\n',
      'configmap/x\n',
    ]);
    // The very text that kubectl writes: either may go on where the other left off.
    expect((await ctl('get cm x -o jsonpath={.metadata.annotations}')).out).toContain(
      JSON.stringify(
        '{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"x","namespace":"default"}}\n',
      ).slice(1, -1),
    );
    expect((await ctl(`apply -f ${folder}/x.yaml --server-side`)).out).toBe('configmap/x serverside-applied\n');
  });

  it('creates from flags, labels, patches and deletes', async () => {
    expect((await ctl('create deployment web --image=nginx')).out).toBe('deployment.apps/web created\n');
    expect((await ctl('create job j --from=cronjob/none')).err).toBe(
      'Error from server (NotFound): cronjobs.batch "none" not found\n',
    );
    expect((await ctl('create role r --verb=get --resource=pods/log,deploy')).out).toContain('created');
    expect((await ctl('get role r -o jsonpath={.rules}')).out).toBe(
      '[{"apiGroups":[""],"resources":["pods/log"],"verbs":["get"]},{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get"]}]',
    );
    expect((await ctl('label deploy web tier=x --dry-run=client')).out).toBe('deployment.apps/web labeled (dry run)\n');
    expect((await ctl('label deploy web --list')).out).toBe('app=web\n');
    expect((await ctl('patch deploy web -p {"spec":{"replicas":3}} -o jsonpath={.spec.replicas}')).out).toBe('3');
    expect((await ctl('delete deploy web --dry-run=client')).out).toBe(
      'deployment.apps "web" deleted from default namespace (dry run)\n',
    );
    expect((await ctl('delete deploy web -o name')).out).toBe('deployment.apps/web\n');
  });
});

describe('explain', () => {
  it('shows kinds, fields and trees as kubectl does', async () => {
    const { out } = await ctl('explain deployments.spec.replicas');
    expect(out).toMatch(
      /^GROUP: {6}apps\nKIND: {7}Deployment\nVERSION: {4}v1\n\nFIELD: replicas <integer>\n\n\nDESCRIPTION:\n/,
    );
    expect((await ctl('explain deploy --recursive')).out).toContain('\n  spec\t<DeploymentSpec>\n');
    expect((await ctl('explain deploy.spec.nope')).err).toBe('error: field "nope" does not exist\n');
    expect((await ctl('explain nope')).err).toBe('error: the server doesn\'t have a resource type "nope"\n');
  });
});

describe('why', () => {
  it('reads what there is, and names what it could not read', async () => {
    const { code, out } = await ctl('why deploy/a');
    expect(code).toBe(0);
    expect(out).toContain('Stuck (NoPolicy): Deployment default/a: no propagation policy selects it');
    expect(out).toContain(
      `Next: karmadactl --kubeconfig=${folder}/config get deployment a -n default -o yaml | karmadactl --kubeconfig=${folder}/config apply --all-clusters -f -\n`,
    );
    expect((await ctl('why deploy none')).err).toBe(
      'Error from server (NotFound): deployments.apps "none" not found\n',
    );
    expect((await ctl('why deploy')).err).toContain('one resource is needed');
  });
});

describe('completion', () => {
  const answer = async (line: string, how = '__complete') =>
    (await run(how, `--kubeconfig=${folder}/config`, ...line.split(' '))).out.trimEnd().split('\n');

  it.each([
    ['cre', ['create']],
    ['create dep', ['deployment']],
    ['create service ', ['clusterip', 'externalname', 'loadbalancer', 'nodeport']],
    ['token ', ['create', 'delete', 'list']],
    ['help taint', ['taint']],
    ['get deploym', ['deployments.apps']],
    ['get pods,deploym', ['pods,deployments.apps']],
    ['get deploy ', ['a', 'b']],
    ['get deploy a ', ['b']],
    ['get deploy/', ['deploy/a', 'deploy/b']],
    ['get deploy -o js', ['json', 'jsonpath-as-json=', 'jsonpath-file=', 'jsonpath=']],
    ['api-resources -o na', ['name']],
    ['get -s ', ['all', 'karmada', 'members']],
    ['describe -s ', ['karmada', 'members']],
    ['delete deploy a --cascade=', ['--cascade=background', '--cascade=foreground', '--cascade=orphan']],
    ['unjoin --cascade ', ['background', 'orphan']],
    ['apply --dry-run=', ['--dry-run=client', '--dry-run=none', '--dry-run=server']],
    ['cordon --dry-run=', ['--dry-run=false', '--dry-run=true']],
    ['cordon ', ['m1']],
    ['cordon m1 ', []],
    ['get pods -s members -C ', ['m1']],
    ['get pods -s members -C m1,', []],
    ['logs -C m1 deploym', ['deployments/']],
    ['get -n kube-s', ['kube-system']],
    ['edit deploy b', ['b']],
    ['exec a -- l', []],
    ['get --sort', ['--sort-by']],
    ['completion ', ['bash', 'fish', 'zsh']],
    ['--karmada-context ', ['karmada']],
    ['bogus ', []],
  ])('%j', async (line, offered) => {
    const lines = await answer(line, '__completeNoDesc');
    expect(lines.slice(0, -1)).toEqual(offered);
  });

  it('says what each is for, and what the shell is to do after it', async () => {
    expect(await answer('cordo')).toEqual(['cordon\tMark cluster as unschedulable', ':4']);
    // No blank: more must follow.
    expect((await answer('get -o jsonpath=')).at(-1)).toBe(':6');
    // Files are the shell's.
    for (const line of ['apply -f ', 'join m1 --cluster-kubeconfig=', '--kubeconfig ', 'interpret --observed-file x'])
      expect(await answer(line)).toEqual([':0']);
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s, of the name that the tool is called by', async (shell) => {
    expect((await run('completion', shell)).out).toMatch(/__complete/);
  });
});
