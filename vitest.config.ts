import { defineConfig } from 'vitest/config';

// Unit and room tests share worker threads without isolation: modules keep no global state (docs/architecture.md).
// End-to-end tests share one local environment and run one after another.
const common = { testTimeout: 30_000, hookTimeout: 60_000, isolate: false, pool: 'threads' as const };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'rooms',
          include: ['src/**/*.test.ts', 'test/support/**/*.test.ts', 'hack/**/*.test.ts'],
        },
      },
      {
        test: {
          ...common,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/environment-setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
