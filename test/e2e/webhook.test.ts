/** The guide on Karmada's admission beside an API server that is not ours, as one script, with the executables. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { scriptOf } from '../support/guide.ts';
import { run, toolPath } from '../support/kubectl.ts';
import { projectRoot } from '../support/local-environment.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it('a foreign API server refuses what Karmada refuses, in the same words', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'karmada-webhook-'));
  try {
    symlinkSync(join(projectRoot, 'bin'), join(folder, 'bin'));
    const script = scriptOf('webhook.md').replaceAll('8443', String(await freePort()));
    const { stdout, stderr } = await run('/bin/bash', ['-c', `trap 'kill $(jobs -p); wait' EXIT\n${script}`], {
      cwd: folder,
      env: { HOME: folder, PATH: [dirname(toolPath('kubectl')), process.env['PATH']].join(delimiter) },
    });
    expect(stdout).toContain('customresourcedefinition.apiextensions.k8s.io/works.work.karmada.io serverside-applied');
    expect(stderr).toContain(
      'admission webhook "propagationpolicy.karmada.io" denied the request: spec.placement.spreadConstraints[0]: Invalid value: {"spreadByField":"cluster","maxGroups":2,"minGroups":3}: maxGroups lower than minGroups is not allowed',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
