import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { logFile } from '../../../test/support/audit.ts';
import { manualClock } from '../../../test/support/manual-clock.ts';
import { lineOf } from './event-format.ts';
import { checkLogFile, type LogFileOptions, openLog } from './log-file.ts';

let directory: string;
let clock: ReturnType<typeof manualClock>;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-log-'));
  clock = manualClock(Date.UTC(2026, 0, 1));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const logOf = (options: Partial<LogFileOptions> = {}) =>
  openLog({ ...logFile(join(directory, 'logs', 'audit.log')), maxSizeBytes: 1000, ...options }, clock);
const files = () => readdirSync(join(directory, 'logs')).sort();
/** 600 bytes with what stands around it. */
const event = `{${'x'.repeat(556)}}`;
const line = lineOf(event, 'json');

describe('audit log file', () => {
  it('is rotated before it grows beyond its size, and keeps as many old files for as long as told', async () => {
    const log = logOf({ maxBackups: 2, maxAgeMs: 3_600_000 });
    const write = async (minutes: number) => {
      clock.advance(minutes * 60_000);
      await log.write([event]);
    };
    for (const minutes of [0, 1, 1, 1]) await write(minutes);
    await vi.waitFor(() =>
      expect(files()).toEqual(['audit-2026-01-01T00-02-00.000.log', 'audit-2026-01-01T00-03-00.000.log', 'audit.log']),
    );
    await write(90);
    await log.close();
    expect(files()).toEqual(['audit-2026-01-01T01-33-00.000.log', 'audit.log']);
    expect(readFileSync(join(directory, 'logs', 'audit.log'), 'utf8')).toBe(line);
  });

  it('compresses old files, those of earlier runs too, and counts each once', async () => {
    mkdirSync(join(directory, 'logs'));
    writeFileSync(join(directory, 'logs/audit-2025-12-31T00-00-00.000.log'), 'left whole\n', { mode: 0o640 });
    writeFileSync(join(directory, 'logs/audit-2025-12-31T00-00-00.000.log.gz'), 'half done');
    const log = logOf({ compress: true, maxBackups: 2 });
    await log.write([event, event]);
    await log.close();
    expect(files()).toEqual([
      'audit-2025-12-31T00-00-00.000.log.gz',
      'audit-2026-01-01T00-00-00.000.log.gz',
      'audit.log',
    ]);
    const unpacked = (name: string) => gunzipSync(readFileSync(join(directory, 'logs', name))).toString();
    expect(unpacked('audit-2025-12-31T00-00-00.000.log.gz')).toBe('left whole\n');
    expect(unpacked('audit-2026-01-01T00-00-00.000.log.gz')).toBe(line);
    clock.advance(1000);
    const next = logOf({ compress: true, maxBackups: 1 });
    await next.write([event]);
    await next.close();
    expect(files()).toEqual(['audit-2026-01-01T00-00-01.000.log.gz', 'audit.log']);
  });

  it('goes on after a failure when the disk takes it again', async () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    const log = logOf();
    await expect(log.write([event])).rejects.toThrow();
    rmSync(directory);
    await log.write([event]);
    await log.close();
    expect(files()).toEqual(['audit.log']);
    expect(statSync(join(directory, 'logs/audit.log')).mode & 0o777).toBe(0o600);
  });

  it('never rotates what is no file, and waits for no reader of a pipe', async () => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    checkLogFile(path);
    const log = logOf({ path, maxSizeBytes: 1 });
    await log.write([event, event]);
    expect(statSync(path).isFIFO()).toBe(true);
    await log.close();
  });

  it.each([
    ['/proc/audit/audit.log', /ENOENT|EACCES|EROFS/],
    ['/proc/audit.log', /ENOENT|EACCES|EROFS/],
    ['/dev/null/audit.log', /ENOTDIR/],
    ['/', /EISDIR/],
  ])('says at once that %s cannot be written', (path, why) => {
    expect(() => checkLogFile(path)).toThrow(why);
  });
});

it('writes legacy lines', () => {
  const event = {
    level: 'Metadata',
    auditID: 'id-1',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/a/pods?limit=1',
    verb: 'list',
    user: { username: 'alice', groups: ['a', 'b'] },
    sourceIPs: ['10.0.0.1', '10.0.0.2'],
    userAgent: 'kubectl',
    objectRef: { resource: 'pods', namespace: 'a' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-01-02T03:04:05.120000Z',
  };
  expect(lineOf(JSON.stringify(event), 'legacy')).toBe(
    '2026-01-02T03:04:05.12Z AUDIT: id="id-1" stage="ResponseComplete" ip="10.0.0.1" method="list" user="alice" ' +
      'groups="\\"a\\",\\"b\\"" as="<self>" asgroups="<lookup>" user-agent="kubectl" namespace="a" ' +
      'uri="/api/v1/namespaces/a/pods?limit=1" response="200"\n',
  );
  const early = { ...event, user: {}, impersonatedUser: { username: 'bob', groups: [] }, responseStatus: undefined };
  const text = lineOf(JSON.stringify({ ...early, requestReceivedTimestamp: '2026-01-02T03:04:05.000000Z' }), 'legacy');
  expect(text).toMatch(/^2026-01-02T03:04:05Z .* user="<none>" groups="<none>" as="bob" asgroups="" .*"<deferred>"\n$/);
});
