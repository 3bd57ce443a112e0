/** The Lua threads: what a call costs, and what it costs to have them at all. */
import { createLuaPool } from '../src/interpreter/lua/pool.ts';
import type { Row } from './row.ts';

const calls = 2000;

export async function benchInterpreter(): Promise<Row[]> {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const pool = createLuaPool();
  const ask = (script: string, args: readonly unknown[], references?: readonly unknown[]) =>
    pool.call({ chunk: 'bench', script, function: 'F', args, results: 1, ...(references ? { references } : {}) });
  await ask('function F() return 1 end', []);
  const rows: Row[] = [
    {
      name: 'first call',
      value: performance.now() - start,
      unit: 'ms',
      how: 'thread, machine and libraries, from source',
    },
    {
      name: 'memory of a thread',
      value: (process.memoryUsage().rss - before) / 1e6,
      unit: 'MB',
      how: 'growth of the resident size; none before the first call',
    },
  ];
  const object = sample();
  const bytes = JSON.stringify(object).length;
  const measure = async (
    name: string,
    how: string,
    script: string,
    args: readonly unknown[],
    references?: unknown[],
  ) => {
    for (let i = 0; i < 200; i++) await ask(script, args, references);
    const from = performance.now();
    for (let i = 0; i < calls; i++) await ask(script, args, references);
    rows.push({ name, value: (calls * 1000) / (performance.now() - from), unit: 'calls/s', how });
  };
  const size = `object of ${bytes} bytes`;
  await measure('replicas', `${size}, one number back`, 'function F(o) return o.spec.replicas end', [object]);
  await measure(
    'replicas with requirements',
    `${size}, kube.accuratePodRequirements`,
    'local kube = require("kube") function F(o) return kube.accuratePodRequirements(o.spec.template) end',
    [object],
  );
  await measure('retain', `two such objects in, one out`, 'function F(d, o) return d end', [object, object], [object]);
  await pool.close();
  return rows;
}

function sample(): object {
  const container = (i: number) => ({
    name: `c${i}`,
    image: `registry.example.com/app-${i}:1.0`,
    env: Array.from({ length: 10 }, (_, n) => ({ name: `VARIABLE_${n}`, value: `value of ${n}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
  });
  return {
    apiVersion: 'workload.example.io/v1alpha1',
    kind: 'Workload',
    metadata: { name: 'sample', namespace: 'default', labels: { app: 'sample' } },
    spec: { replicas: 3, template: { spec: { containers: [0, 1, 2, 3].map(container) } } },
  };
}
