import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { claimDataDirectory, makeDataDirectory } from './data-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'data-directory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is made with all that leads to it, for its owner only', () => {
  const path = join(folder, 'a/b/c');
  makeDataDirectory(path);
  makeDataDirectory(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

it('says why it cannot be made', () => {
  writeFileSync(join(folder, 'file'), '');
  for (const path of [join(folder, 'file'), join(folder, 'file/in/it')])
    expect(() => makeDataDirectory(path)).toThrow(`cannot make the data directory ${path}: E`);
});

it('belongs to the cluster that it was first used by', () => {
  const path = join(folder, 'dev');
  makeDataDirectory(path);
  claimDataDirectory(path, 'dev');
  claimDataDirectory(path, 'dev');
  const text = `${path} is the data directory of the cluster dev: use --name=dev, or another directory`;
  expect(() => claimDataDirectory(path, 'kubelite')).toThrow(text);
});
