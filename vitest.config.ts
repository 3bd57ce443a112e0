import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { full } from './test/support/full.ts';

// Unit and room tests share worker threads without isolation: modules keep no global state (docs/architecture.md).
// End-to-end tests share one local environment and run one after another.
const common = { testTimeout: full ? 300_000 : 30_000, hookTimeout: 60_000, isolate: false, pool: 'threads' as const };
const endToEnd = {
  ...common,
  globalSetup: ['test/support/environment-setup.ts'],
  fileParallelism: false,
  testTimeout: full ? 300_000 : 120_000,
  hookTimeout: 180_000,
};

// The pinned kubectl is the one of every run; the full run walks once more, in an environment of its own, with the user's.
const kubectlOnPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'kubectl'))
  .find((path) => existsSync(path));
const secondWalk =
  full && kubectlOnPath !== undefined
    ? [
        {
          test: {
            ...endToEnd,
            name: 'e2e, kubectl on PATH',
            include: ['test/e2e/seamless-migration.test.ts', 'test/e2e/bad-input.test.ts'],
            env: { KARMADA_TEST_KUBECTL: kubectlOnPath },
            sequence: { groupOrder: 2 },
          },
        },
      ]
    : [];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'rooms',
          // Left alone, two cores give one worker, which spends much of its time waiting.
          maxWorkers: 2,
          include: ['src/**/*.test.ts', 'test/support/**/*.test.ts', 'hack/**/*.test.ts'],
        },
      },
      { test: { ...endToEnd, name: 'e2e', include: ['test/e2e/**/*.test.ts'], sequence: { groupOrder: 1 } } },
      ...secondWalk,
    ],
  },
});
