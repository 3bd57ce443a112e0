/**
 * npm run bench [part…]: measures and prints what was measured and how. The parts are the keys below; default all.
 * Load generator and servers share the machine: read ratios within one run rather than absolute figures.
 */
import { cpus } from 'node:os';
import { formatRows, type Row } from './row.ts';

const parts: Record<string, () => Promise<Row[]>> = {
  storage: async () => (await import('./storage-bench.ts')).benchStorage(),
  etcd: async () => (await import('./etcd-bench.ts')).benchEtcd(),
  apiserver: async () => (await import('./apiserver-bench.ts')).benchApiServer(),
  requests: async () => (await import('./requests-bench.ts')).benchRequests(),
  interpreter: async () => (await import('./interpreter-bench.ts')).benchInterpreter(),
  propagation: async () => (await import('./propagation-bench.ts')).benchPropagation(),
  'propagation-curves': async () => (await import('./propagation-bench.ts')).benchPropagationCurves(),
  takeover: async () => (await import('./takeover-bench.ts')).benchTakeover(),
  'cold-start': async () => (await import('./takeover-bench.ts')).benchColdStart(),
  scheduler: async () => (await import('./scheduler-bench.ts')).benchScheduler(),
  'pod-scheduler': async () => (await import('./pod-scheduler-bench.ts')).benchPodScheduler(),
  kubelite: async () => (await import('./kubelite-bench.ts')).benchKubelite(),
  clusters: async () => (await import('./clusters-bench.ts')).benchClusters(),
  karmadactl: async () => (await import('./karmadactl-bench.ts')).benchKarmadactl(),
  production: async () => (await import('./production-bench.ts')).benchProduction(),
  serve: async () => (await import('./serve-bench.ts')).benchServe(),
  environment: async () => (await import('./environment-bench.ts')).benchEnvironment(),
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  console.error(`error: no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(1);
}

console.log(
  `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const [name, part] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const start = performance.now();
  const rows = await part();
  console.log(`\n${name} (${((performance.now() - start) / 1000).toFixed(0)} s)\n${formatRows(rows)}`);
}
process.exit(0);
