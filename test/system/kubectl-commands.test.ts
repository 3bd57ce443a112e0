/** What people type, by kubectl's versions from 1.20 to 1.35, against a cluster of kubelite. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kubelite, startKubelite } from '../../src/kubelite/cluster.ts';
import { run, toolPath } from '../support/kubectl.ts';
import { projectRoot } from '../support/local-environment.ts';
import { changing } from './kubectl-commands/changing.ts';
import { creating } from './kubectl-commands/creating.ts';
import { running } from './kubectl-commands/running.ts';
import { sample } from './kubectl-commands/sample.ts';
import { kubectlAt, runTable } from './kubectl-commands/table.ts';

const home = mkdtempSync(join(tmpdir(), 'kubectl-commands-'));
const env = { HOME: home, KUBECONFIG: join(home, 'config'), PATH: process.env['PATH'] };
let cluster: Kubelite | undefined;

beforeAll(async () => {
  cluster = await startKubelite({ name: 'ctl', nodes: 2, podReadyDelayMs: 5, kubeconfig: env.KUBECONFIG });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('kubectl 1.35', () => {
  const kubectl = kubectlAt(toolPath('kubectl'), env);
  runTable([...creating, ...changing, ...running], kubectl);
});

it('holds at least 120 commands', () => {
  expect(creating.length + changing.length + running.length).toBeGreaterThanOrEqual(120);
});

const onPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'kubectl'))
  .find((path) => existsSync(path));
/** Where .ci/run unpacks Debian's kubernetes-client: installed, it would stand in the way of another kubectl. */
const debian = join(projectRoot, '.cache/kubernetes-client/usr/bin/kubectl');

describe.each([
  ['kubectl on PATH', onPath],
  ["Debian's kubectl 1.20", existsSync(debian) ? debian : undefined],
])('%s', (name, path) => {
  if (path === undefined) {
    console.warn(`${name} is not here: its commands are not run. .ci/run fetches Debian's.`);
    it.skip('is not here: its commands are not run', () => undefined);
    return;
  }
  it('tells its version', async () => {
    const { stdout } = await run(path, ['version', '--client'], { env });
    console.info(`${name}: ${stdout.split('\n')[0]}`);
  });
  runTable(sample, kubectlAt(path, env));
});
