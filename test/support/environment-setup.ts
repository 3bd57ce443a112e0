/** One environment for all end-to-end tests of a run: started before the first, removed after the last. */
import type { TestProject } from 'vitest/node';
import { localEnvironment } from './local-environment.ts';

declare module 'vitest' {
  interface ProvidedContext {
    home: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const environment = localEnvironment();
  const result = await environment.up();
  if (result.code !== 0) {
    const status = await environment.status();
    await environment.down();
    throw new Error(
      `local-up failed with exit code ${result.code}\n${result.stdout}${result.stderr}\n${status.stdout}${status.stderr}`,
    );
  }
  project.provide('home', environment.home);
  return async () => {
    const stopped = await environment.down();
    if (stopped.code !== 0) throw new Error(`local-down failed\n${stopped.stdout}${stopped.stderr}`);
  };
}
