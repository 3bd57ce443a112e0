import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import { takeKernelLock } from '../component/kernel-lock.ts';
import { withLock } from './lock.ts';

/** Waits without waiting long. */
const hurry = { ...systemClock, now: () => systemClock.now(), sleep: () => systemClock.sleep(1) };

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'karmada-lock-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('withLock', () => {
  it('lets one work at a time, also when all of them find the lock file of a process that is gone', async () => {
    writeFileSync(join(home, 'local-up.lock'), JSON.stringify({ pid: 2 ** 22 + 1, startTime: '1' }));
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await systemClock.sleep(1);
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(home, work, hurry)));
    expect(most).toBe(1);
    expect(existsSync(join(home, 'local-up.lock'))).toBe(false);
  });

  it('waits for its turn when the folder is removed meanwhile, as local-down does', async () => {
    let second: Promise<boolean> | undefined;
    await withLock(home, async () => {
      second = withLock(home, async () => existsSync(home), hurry);
      await systemClock.sleep(5);
      rmSync(home, { recursive: true });
    });
    expect(await second).toBe(true);
  });

  it.each(['/proc/nowhere', '/dev/null/below'])('says that %s cannot be used', async (home) => {
    await expect(withLock(home, async () => {})).rejects.toThrow(
      /^\/\S+ cannot be used: .*; set KARMADA_HOME to a folder that you may write to$/,
    );
  });

  it('gives the lock back when the work fails', async () => {
    await expect(withLock(home, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withLock(home, async () => 'done')).toBe('done');
  });
});

describe('takeKernelLock', () => {
  it('is free again as soon as its holder was killed', async () => {
    const module = new URL('../component/kernel-lock.ts', import.meta.url).href;
    const script = `import(${JSON.stringify(module)}).then(async (m) => { await m.takeKernelLock('test:${home}'); console.log('held'); setInterval(() => {}, 1000); })`;
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await new Promise<void>((done, fail) => {
        child.stdout.once('data', () => done());
        child.once('exit', (code) => fail(new Error(`ended with ${code}`)));
      });
      expect(await takeKernelLock(`test:${home}`)).toBeUndefined();
    } finally {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await ended;
    }
    const release = await takeKernelLock(`test:${home}`);
    expect(release).toBeDefined();
    await release?.();
  });
});
