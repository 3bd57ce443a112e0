import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../apimachinery/clock.ts';
import { identifyProcess, isRunning } from '../../component/process-identity.ts';
import { endLeftovers, recordProcesses } from './leftovers.ts';

const folder = mkdtempSync(join(tmpdir(), 'leftovers-'));
const file = join(folder, 'processes.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sleeper() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error('not started');
  return { child, identity };
}

describe('processes that outlived a crash', () => {
  it('are ended when they are the recorded ones', async () => {
    const { child, identity } = sleeper();
    const exited = once(child, 'exit');
    recordProcesses(file, [identity]);
    expect(await endLeftovers(file, systemClock)).toBe(1);
    await exited;
    expect(isRunning(identity)).toBe(false);
  });

  it('are left alone when only the pid is the same', async () => {
    const { child, identity } = sleeper();
    recordProcesses(file, [{ ...identity, startTime: '1' }]);
    expect(await endLeftovers(file, systemClock)).toBe(0);
    expect(isRunning(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it.each(['', '{', '[{"pid":1}]', '[null]'])('a record that says %j names none', async (text) => {
    writeFileSync(file, text);
    expect(await endLeftovers(file, systemClock)).toBe(0);
  });
});
