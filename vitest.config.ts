import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { full } from './test/support/full.ts';

// Unit and room tests share worker threads without isolation: modules keep no global state (docs/architecture.md).
// So do test/system's, whole programs and real clients on servers of their own. End-to-end tests share one local environment and
// run one after another.
const common = { testTimeout: full ? 300_000 : 30_000, hookTimeout: 60_000, isolate: false, pool: 'threads' as const };
const patient = { ...common, testTimeout: full ? 300_000 : 120_000, hookTimeout: 180_000 };
// Left alone, two cores give one worker, which spends much of its time waiting.
const besideEachOther = { maxWorkers: 2 };
const endToEnd = { ...patient, globalSetup: ['test/support/environment-setup.ts'], fileParallelism: false };

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

/** What waits longest begins first: at the end, one core would wait with it. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const long = ({ moduleId }: TestSpecification): number => Number(moduleId.includes('/test/system/'));
    return (await super.sort(files)).sort((a, b) => long(b) - long(a));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      {
        test: {
          ...common,
          ...besideEachOther,
          name: 'rooms',
          include: ['src/**/*.test.ts', 'test/support/**/*.test.ts', 'hack/**/*.test.ts'],
        },
      },
      { test: { ...patient, ...besideEachOther, name: 'system', include: ['test/system/**/*.test.ts'] } },
      { test: { ...endToEnd, name: 'e2e', include: ['test/e2e/**/*.test.ts'], sequence: { groupOrder: 1 } } },
      ...secondWalk,
    ],
  },
});
