/** `karmada local down`: stops the environment and, unless its data is to be kept, removes all that belongs to it. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { systemClock } from '../apimachinery/clock.ts';
import type { Environment } from './environment.ts';
import { removeUserKubeconfigs } from './kubeconfigs.ts';
import { withLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { runningSupervisor, stopSupervisor } from './supervisor.ts';
import { Waiter } from './waiter.ts';

export interface DownOptions {
  environment: Environment;
  progress: Progress;
  keepData: boolean;
  timeoutMs: number;
}

/** What up makes in KARMADA_HOME. Anything else in that folder is somebody else's and stays. */
const ownEntries = ['environment.json', 'supervisor.json', 'local-up.lock', 'logs', 'clusters', 'host', 'pki'];

export async function localDown(options: DownOptions): Promise<void> {
  const { environment, progress } = options;
  if (!existsSync(environment.home)) return;
  await withLock(environment.home, async () => {
    const running = runningSupervisor(environment);
    if (running !== undefined) {
      const wait = new Waiter(systemClock, AbortSignal.timeout(options.timeoutMs));
      await progress.step('stopping the environment', (detail) => stopSupervisor(running, wait, detail));
    }
    if (options.keepData) return;
    await progress.step('removing its data and its kubeconfig entries', async () => {
      await removeUserKubeconfigs(environment);
      for (const entry of ownEntries) rmSync(`${environment.home}/${entry}`, { recursive: true, force: true });
      // Under the lock still: whoever waits for it makes the folder again.
      if (readdirSync(environment.home).length === 0) rmdirSync(environment.home);
    });
  });
}
