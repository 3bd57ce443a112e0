/** kubelite as a tool of its own: started on a folder, used with kubectl and helm, killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run, toolPath } from '../support/kubectl.ts';
import { eventually, projectRoot } from '../support/local-environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubelite-tool-'));
const config = join(folder, 'dev.config');
const env = { HOME: folder, KUBECONFIG: config, PATH: process.env['PATH'] ?? '' };
let tool: ChildProcess;

/** Resolves when the tool says that its cluster is ready. */
function start(...more: string[]): Promise<ChildProcess> {
  const args = ['--name=dev', `--data-dir=${join(folder, 'dev')}`, `--kubeconfig=${config}`, '--nodes=3', ...more];
  const child = spawn(process.execPath, [join(projectRoot, 'bin/kubelite'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`kubelite ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('cluster dev is ready at')) resolve(child);
    });
  });
}
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}
beforeAll(async () => {
  tool = await start();
});
afterAll(async () => {
  if (tool?.exitCode === null) await end(tool, 'SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

const raw = (...args: string[]): Promise<CommandResult> => run(toolPath('kubectl'), args, { env });
async function kubectl(line: string, input = ''): Promise<string> {
  const result = await run(toolPath('kubectl'), line.split(' '), { env, input });
  if (result.code !== 0) throw new Error(`kubectl ${line}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}
async function helm(line: string): Promise<string> {
  const result = await run(toolPath('helm'), line.split(' '), { env });
  if (result.code !== 0) throw new Error(`helm ${line}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}
const path = (what: string, jsonpath: string) => kubectl(`get ${what} -o jsonpath=${jsonpath}`);

describe('helm', () => {
  it('installs a chart with a Job hook and waits for all of it; its tests run', async () => {
    const chart = join(projectRoot, 'test/fixtures/charts/shop');
    expect(await helm(`install shop ${chart} --wait --timeout 60s`)).toContain('STATUS: deployed');
    expect(await path('deployment/shop-front', '{.status.readyReplicas}')).toBe('2');
    expect(await path('statefulset/shop-db', '{.status.readyReplicas}')).toBe('2');
    expect(await path('job/shop-migrate', '{.status.succeeded}')).toBe('1');
    expect(await path('ingress/shop', '{.spec.rules[0].host}')).toBe('shop.example.com');
    expect(await helm('test shop --timeout 30s')).toContain('Phase:          Succeeded');
  });
});

describe('kubectl', () => {
  it('tops nodes and pods', async () => {
    expect((await kubectl('top nodes --no-headers')).trim().split('\n')).toHaveLength(3);
    expect(await kubectl('top pods --containers -l app=shop-front')).toMatch(/shop-front-\S+ +web +5m +10Mi/);
  });

  it('follows logs', async () => {
    const child = spawn(toolPath('kubectl'), ['logs', '-f', 'deployment/shop-front', '--timestamps'], { env });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await eventually(() => expect(said).toMatch(/^\d{4}-\d\d-\d\dT\S+Z web: started image nginx:1\.27/));
    await end(child, 'SIGKILL');
    expect(await kubectl('logs statefulset/shop-db --tail=1')).toMatch(/^db: /);
    expect(await kubectl('logs job/shop-migrate --limit-bytes=8')).toHaveLength(8);
    expect(await kubectl('logs job/shop-migrate --since-time=2100-01-01T00:00:00Z')).toBe('');
  });

  it('executes commands', async () => {
    expect(await kubectl('exec shop-db-0 -- hostname')).toBe('shop-db-0\n');
    expect(await kubectl('exec -i shop-db-0 -- cat', 'typed')).toBe('typed');
    expect((await raw('exec', 'shop-db-0', '--', 'sh', '-c', 'exit 7')).code).toBe(7);
  });

  it('forwards a port of a Service', async () => {
    const child = spawn(toolPath('kubectl'), ['port-forward', 'service/shop-front', ':80'], { env });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const port = await eventually(() => {
      const local = /127\.0\.0\.1:(\d+) -> 8080/.exec(said)?.[1];
      if (local === undefined) throw new Error(said);
      return Number(local);
    });
    const answer = await new Promise<string>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/health', agent: false }, async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve(text);
      }).on('error', reject);
    });
    expect(answer).toMatch(/^pod default\/shop-front-\S+\ncontainer web\nport 8080\nrequest GET \/health\n$/);
    await end(child, 'SIGKILL');
  });

  it('cordons, drains, and waits', async () => {
    const node = await path('pod/shop-db-0', '{.spec.nodeName}');
    await kubectl(`cordon ${node}`);
    expect(await path(`node/${node}`, '{.spec.unschedulable}')).toBe('true');
    await kubectl(`drain ${node} --ignore-daemonsets --delete-emptydir-data --force --timeout=60s`);
    await kubectl('rollout status statefulset/shop-db --timeout=60s');
    expect(await path('pod/shop-db-0', '{.spec.nodeName}')).not.toBe(node);
    await kubectl(`uncordon ${node}`);
    await kubectl('wait --for=condition=Available deployment/shop-front --timeout=60s');
    await kubectl('delete pod shop-db-1');
    await eventually(() => kubectl('wait --for=condition=Ready pod/shop-db-1 --timeout=30s'));
    await kubectl(`wait --for=jsonpath={.status.phase}=Succeeded pod/shop-test --timeout=30s`);
  });
});

describe('kill -9', () => {
  it('in the middle of a rolling update: it comes back and finishes, with as many pods as there should be', async () => {
    await kubectl('scale deployment/shop-front --replicas=12');
    await kubectl('rollout status deployment/shop-front --timeout=60s');
    const kept = await path(
      'pod/shop-db-0',
      '{.metadata.uid}{.status.podIP}{.status.containerStatuses[0].restartCount}',
    );
    await kubectl('set image deployment/shop-front web=nginx:1.28');
    await eventually(async () =>
      expect(Number(await path('deployment/shop-front', '{.status.updatedReplicas}'))).toBeGreaterThan(0),
    );
    await end(tool, 'SIGKILL');
    tool = await start();
    await kubectl('rollout status deployment/shop-front --timeout=60s');
    await eventually(async () => {
      const images = await path('pods -l app=shop-front', '{.items[*].spec.containers[0].image}');
      expect(images.split(' ')).toEqual(Array.from({ length: 12 }, () => 'nginx:1.28'));
    });
    const after = await path(
      'pod/shop-db-0',
      '{.metadata.uid}{.status.podIP}{.status.containerStatuses[0].restartCount}',
    );
    expect(after).toBe(kept);
  });
});
