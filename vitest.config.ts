import { defineConfig } from 'vitest/config';

// One worker pool without isolation: files share a module graph, so modules keep no global state (docs/architecture.md).
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
