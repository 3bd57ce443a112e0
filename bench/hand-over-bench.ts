/** Two karmada-schedulers as processes: how long until the other leads. */
import { handOver, type Replica, shortLease, startReplicaScene } from '../test/support/replicas.ts';
import type { Row } from './row.ts';

const rounds = 3;
const component = 'karmada-scheduler';

export async function benchHandOver(): Promise<Row[]> {
  const scene = await startReplicaScene({});
  try {
    let started = 0;
    const start = (): Promise<Replica> => scene.start(component, `s${started++}`);
    let leader = await start();
    const rows: Row[] = [];
    const { durationMs, retryMs } = shortLease;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const other = await start();
        leader.process.kill(signal);
        times.push(await handOver(scene, component, leader.identity));
        await leader.ended;
        leader = other;
      }
      rows.push({
        name: `production: hand-over after ${signal}, longest`,
        value: Math.max(...times),
        unit: 'ms',
        how: `${rounds} times; until another ${component} holds the lease of ${durationMs} ms, asked for every ${retryMs} ms (defaults: 15 s and 2 s)`,
      });
    }
    return rows;
  } finally {
    await scene.stop();
  }
}
