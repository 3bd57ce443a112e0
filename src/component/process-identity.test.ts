import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { identifyProcess, isRunning } from './process-identity.ts';

describe('process identity', () => {
  it('names this process, and believes a pid only with its start time', () => {
    const self = identifyProcess(process.pid);
    expect(self?.pid).toBe(process.pid);
    expect(isRunning(self ?? { pid: 0, startTime: '' })).toBe(true);
    expect(isRunning({ pid: process.pid, startTime: '1' })).toBe(false);
  });

  it('says that a process that ended is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    const identity = identifyProcess(child.pid ?? 0);
    expect(identity && isRunning(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(identity && isRunning(identity)).toBe(false);
  });
});
