/** Starting the environment when things are not as they should be: a clear message, and no damage. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { kubectlFor, localEnvironment } from '../support/local-environment.ts';
import { environmentProcesses } from '../support/processes.ts';

const shared = localEnvironment(inject('home'));
const homes: string[] = [];
const newHome = () => {
  const home = mkdtempSync(join(tmpdir(), 'karmada-up-'));
  homes.push(home);
  return home;
};

afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

describe('local-up', () => {
  it('run again, changes nothing', async () => {
    const { kubectl } = kubectlFor(shared.env);
    const processes = environmentProcesses(shared.karmadaHome);
    const configs = () =>
      ['karmada.config', 'members.config'].map((file) => readFileSync(join(shared.home, '.kube', file), 'utf8'));
    const before = configs();
    const versions = await kubectl('--context karmada-host -n karmada-system get deploy -o name');
    const result = await shared.up();
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('Karmada is ready.');
    expect(environmentProcesses(shared.karmadaHome)).toEqual(processes);
    expect(configs()).toEqual(before);
    expect(await kubectl('--context karmada-host -n karmada-system get deploy -o name')).toBe(versions);
  });

  it('status says what runs', async () => {
    const result = await shared.status();
    expect(result.stdout).toMatch(/^cluster member1\s+true\s/m);
    expect(result.stdout).toMatch(/^component karmada-controller-manager\s+true\s/m);
    expect(result.stdout).toMatch(/^member member3\s+true\s/m);
    expect(result.code).toBe(0);
  });

  it('writes kubeconfigs that only their owner may read, and keeps the entries of others', async () => {
    const { statSync } = await import('node:fs');
    for (const file of ['karmada.config', 'members.config'])
      expect(statSync(join(shared.home, '.kube', file)).mode & 0o777).toBe(0o600);
  });

  it('with a kubeconfig that cannot be parsed, names it, leaves it, and starts nothing', async () => {
    const environment = localEnvironment(newHome());
    const file = join(environment.home, '.kube', 'karmada.config');
    mkdirSync(join(environment.home, '.kube'));
    writeFileSync(file, 'clusters: [');
    const result = await environment.up();
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`error loading config file "${file}"`);
    expect(readFileSync(file, 'utf8')).toBe('clusters: [');
    expect(() => readFileSync(join(environment.karmadaHome, 'supervisor.json'))).toThrow();
  });

  it('with a half-written state folder, says what to do', async () => {
    const environment = localEnvironment(newHome());
    mkdirSync(environment.karmadaHome);
    writeFileSync(join(environment.karmadaHome, 'environment.json'), '{"format": 1, "netw');
    const result = await environment.up();
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      'environment.json cannot be parsed; run hack/local-down-karmada.sh to remove the environment and start afresh',
    );
    expect((await environment.down()).code).toBe(0);
  });

  it('with a port that is taken, names the cluster and the port', async () => {
    const environment = localEnvironment(newHome());
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const ports = { 'karmada-host': taken, member1: taken, member2: taken, member3: taken };
    mkdirSync(environment.karmadaHome);
    writeFileSync(
      join(environment.karmadaHome, 'environment.json'),
      JSON.stringify({ format: 1, network: 250, ports }),
    );
    try {
      const result = await environment.up();
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(
        `port ${taken} on 127.0.0.1, which karmada-host had, is taken by another program`,
      );
    } finally {
      server.close();
      await environment.down();
    }
  });
});
