import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../apimachinery/clock.ts';
import { type AuditLogOptions, type AuditOutput, createAuditLog } from './log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

let lost: number;
let time: number;
const logOf = (options: Partial<AuditLogOptions>, output?: AuditOutput) => {
  lost = 0;
  time = Date.UTC(2026, 0, 1);
  const whole: AuditLogOptions = {
    path: join(directory, 'logs', 'audit.log'),
    mode: 'blocking',
    maxSizeBytes: 1000,
    maxBackups: 0,
    maxAgeMs: 0,
    bufferSize: 10,
    maxEventBytes: Number.POSITIVE_INFINITY,
    clock: { ...systemClock, now: () => time },
    onLost: (count) => {
      lost += count;
    },
    ...options,
  };
  return createAuditLog(whole, output);
};

/** Takes nothing until told to. */
function slowOutput() {
  const written: string[] = [];
  const pending: { resolve(): void; reject(why: unknown): void }[] = [];
  return {
    written,
    next: () => vi.waitUntil(() => pending.shift()),
    output: {
      write: (data: Buffer) =>
        new Promise<void>((resolve, reject) => {
          written.push(data.toString());
          pending.push({ resolve, reject });
        }),
      close: async () => undefined,
    },
  };
}

describe('audit log', () => {
  it('is rotated before it grows beyond its size, and keeps as many old files for as long as told', async () => {
    const log = logOf({ maxBackups: 2, maxAgeMs: 3_600_000 });
    const line = `${'x'.repeat(599)}\n`;
    const write = async (minutes: number) => {
      time += minutes * 60_000;
      await log.write(() => line);
    };
    for (const minutes of [0, 1, 1, 1]) await write(minutes);
    const folder = join(directory, 'logs');
    expect(readdirSync(folder).sort()).toEqual([
      'audit-2026-01-01T00-02-00.000.log',
      'audit-2026-01-01T00-03-00.000.log',
      'audit.log',
    ]);
    await write(90);
    expect(readdirSync(folder).sort()).toEqual(['audit-2026-01-01T01-33-00.000.log', 'audit.log']);
    await log.close();
    expect(readFileSync(join(folder, 'audit.log'), 'utf8')).toBe(line);
  });

  it('loses what cannot be written, counts it, and goes on when it can be', async () => {
    const path = join(directory, 'taken');
    rmSync(directory, { recursive: true });
    const log = logOf({ path: '/dev/null/audit.log' });
    await expect(log.write(() => 'a\n')).rejects.toThrow();
    expect(lost).toBe(1);
    await log.close();
    const next = logOf({ path });
    await next.write(() => 'b\n');
    expect(readFileSync(path, 'utf8')).toBe('b\n');
    expect(lost).toBe(0);
    await next.close();
  });

  it('writes lines that come during a write together with the next', async () => {
    const slow = slowOutput();
    const log = logOf({}, slow.output);
    const lines = ['a', 'b', 'c'].map((text) => log.write(() => `${text}\n`));
    (await slow.next()).resolve();
    await Promise.all(lines);
    const late = [log.write(() => 'd\n')];
    const during = await slow.next();
    late.push(
      log.write(() => 'e\n'),
      log.write(() => 'f\n'),
    );
    during.resolve();
    (await slow.next()).resolve();
    await Promise.all(late);
    expect(slow.written).toEqual(['a\nb\nc\n', 'd\n', 'e\nf\n']);
  });

  it('makes nobody wait in batch mode, and bounds what waits', async () => {
    const slow = slowOutput();
    const log = logOf({ mode: 'batch', bufferSize: 2 }, slow.output);
    await log.write(() => 'a\n');
    const first = await slow.next();
    for (const text of ['b', 'c', 'd']) await log.write(() => `${text}\n`);
    expect(lost).toBe(1);
    first.resolve();
    (await slow.next()).resolve();
    await log.close();
    expect(slow.written).toEqual(['a\n', 'b\nc\n']);
  });

  it('holds replies up no longer than its patience, and strict mode takes nothing more meanwhile', async () => {
    for (const mode of ['blocking', 'blocking-strict'] as const) {
      const timers: (() => void)[] = [];
      const clock = {
        ...systemClock,
        setTimeout(callback: () => void) {
          timers.push(callback);
          return { cancel: () => undefined };
        },
      };
      const slow = slowOutput();
      const log = logOf({ mode, clock }, slow.output);
      const first = log.write(() => 'a\n');
      const stuck = await slow.next();
      timers[0]?.();
      await expect(first).rejects.toThrow(/has not taken/);
      const second = log.write(() => 'b\n');
      if (mode === 'blocking') await second;
      else await expect(second).rejects.toThrow(/takes no more/);
      stuck.resolve();
      if (mode === 'blocking') (await slow.next()).resolve();
      await log.close();
      expect(slow.written).toEqual(mode === 'blocking' ? ['a\n', 'b\n'] : ['a\n']);
      expect(lost).toBe(mode === 'blocking' ? 0 : 1);
    }
  });

  it('asks for a shorter line where the whole one is too long', async () => {
    const log = logOf({ maxEventBytes: 10 });
    await log.write((bodies) => (bodies ? 'much too long\n' : 'short\n'));
    await log.close();
    expect(readFileSync(join(directory, 'logs', 'audit.log'), 'utf8')).toBe('short\n');
  });
});
