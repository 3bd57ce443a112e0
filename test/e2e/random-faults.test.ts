/**
 * kill -9 of any process at any moment of a migration. The seed decides which and when: it is printed, and
 * KARMADA_TEST_SEED repeats the run. `npm test` plays one round, `npm run test:full` ten.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import { rounds, seededRandom, testSeed } from '../support/full.ts';
import { eventually, kubectlFor, localEnvironment } from '../support/local-environment.ts';
import { processOf } from '../support/processes.ts';
import { example, fullyMigrated, startVariant, workloads } from '../support/workloads.ts';

const environment = localEnvironment(inject('home'));
const cli = kubectlFor(environment.env);

const victims = [
  'karmada-controller-manager',
  'karmada-apiserver',
  'karmada-scheduler',
  'kube-controller-manager',
  'kubelite member1',
  'kubelite karmada-host',
];

describe('random kills during a migration', () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const plans = Array.from({ length: rounds(1) }, () => ({
    // Up to three processes, within the time that an undisturbed migration takes and a little longer.
    kills: Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
      victim: victims[Math.floor(random() * victims.length)] ?? 'karmada-apiserver',
      afterMs: Math.floor(random() * 1500),
    })).sort((a, b) => a.afterMs - b.afterMs),
  }));

  for (const [round, { kills }] of plans.entries()) {
    const story = kills.map(({ victim, afterMs }) => `${victim} after ${afterMs} ms`).join(', ');
    it(`KARMADA_TEST_SEED=${seed}, round ${round}: ${story}`, async () => {
      console.log(`random faults: KARMADA_TEST_SEED=${seed} round ${round}: kill -9 of ${story}`);
      const namespace = `random-${round}`;
      await startVariant(cli, namespace);
      const before = await workloads(cli, 'member1', namespace);
      const start = Date.now();
      await cli.kubectl(
        `--context karmada-apiserver -n ${namespace} apply -f ${example('pp-for-migrating-deployments-and-services.yaml')}`,
      );
      for (const { victim, afterMs } of kills) {
        await sleep(Math.max(0, start + afterMs - Date.now()));
        // A process that died with another, or is between two lives, cannot be killed now: one that is back can.
        const { pid } = await eventually(() => processOf(environment.karmadaHome, victim));
        try {
          process.kill(pid, 'SIGKILL');
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
        }
      }
      await eventually(() => fullyMigrated(cli, namespace), 100_000);
      for (const victim of victims) await eventually(() => processOf(environment.karmadaHome, victim));
      expect(await workloads(cli, 'member1', namespace)).toEqual(before);
    });
  }
});
