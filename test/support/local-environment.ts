/** A local environment of its own for tests: a temporary HOME, started and stopped by the scripts a user runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandResult, type RunOptions, run, toolPath } from './kubectl.ts';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface LocalEnvironment {
  home: string;
  karmadaHome: string;
  env: NodeJS.ProcessEnv;
  up(): Promise<CommandResult>;
  down(): Promise<CommandResult>;
  status(): Promise<CommandResult>;
}

export function localEnvironment(home = mkdtempSync(join(tmpdir(), 'karmada-e2e-'))): LocalEnvironment {
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: home,
    KUBECONFIG: `${home}/.kube/karmada.config:${home}/.kube/members.config`,
  };
  const script = (name: string) => () => run(join(projectRoot, 'hack', name), [], { env, timeout: 150_000 });
  return {
    home,
    karmadaHome: join(home, '.karmada'),
    env,
    up: script('local-up-karmada.sh'),
    down: async () => {
      const result = await script('local-down-karmada.sh')();
      // Who could not be stopped still needs its files.
      if (result.code === 0) rmSync(home, { recursive: true, force: true });
      return result;
    },
    status: () => run(process.execPath, [join(projectRoot, 'dist/cmd/karmada.js'), 'local', 'status'], { env }),
  };
}

/** kubectl as a user types it, against an environment made by localEnvironment. KARMADA_TEST_KUBECTL names another binary. */
export function kubectlFor(env: NodeJS.ProcessEnv) {
  const binary = process.env['KARMADA_TEST_KUBECTL'] || toolPath('kubectl');
  const raw = (args: readonly string[], options: RunOptions = {}) => run(binary, args, { env, ...options });

  /** Runs it and returns stdout; fails with what it printed when the exit code is not 0. */
  async function kubectl(args: string, options: RunOptions = {}): Promise<string> {
    const result = await raw(args.split(' '), options);
    if (result.code !== 0)
      throw new Error(`kubectl ${args}\nexit code ${result.code}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  async function object<T = Record<string, unknown>>(args: string): Promise<T> {
    return JSON.parse(await kubectl(`${args} -o json`));
  }
  return { kubectl, object, raw, binary };
}

export type KubectlFor = ReturnType<typeof kubectlFor>;

/** Waits until `check` returns without throwing; its last error is thrown when that does not happen in time. */
export async function eventually<T>(check: () => Promise<T> | T, timeoutMs = 60_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((done) => setTimeout(done, 200));
  }
}
