import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CommandEntry } from './command.ts';
import { commandTable } from './command-table.ts';
import { referencePage } from './reference.ts';

const page = fileURLToPath(new URL('../../docs/reference/karmadactl.md', import.meta.url));
const all = (entries: readonly CommandEntry[]): CommandEntry[] =>
  entries.flatMap((entry) => [entry, ...all(entry.children ?? [])]);

describe('the reference of karmadactl', () => {
  it('says what the commands say', async () => {
    await expect(await referencePage()).toMatchFileSnapshot(page);
  });

  it.each(all(commandTable).map((entry) => [entry.usage, entry] as const))(
    '%s has examples of its own',
    (_usage, entry) => {
      const lines = entry.examples.trim().split('\n');
      expect(lines.some((line) => line.startsWith('#'))).toBe(true);
      expect(lines.some((line) => line.includes(`karmadactl ${entry.usage.split(' ')[0]}`))).toBe(true);
    },
  );
});
