/**
 * Everything that can be checked without running the project: types, style, unused code, the floors of the house.
 * Each check prints one line; a failing one prints what its tool said. Exit code 1 when any failed.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules/.bin', name);

interface Outcome {
  ok: boolean;
  output: string;
}

/** A tool that cannot be started fails its check like one that finds something. */
function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const started = error === null || typeof error.code === 'number';
      resolve({ ok: error === null, output: `${stdout}${stderr}${started ? '' : error}` });
    });
  });
}

async function floors(folders: readonly string[]): Promise<Outcome & { modules: number }> {
  const result = await run(bin('depcruise'), [
    ...folders,
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'err',
  ]);
  const modules = Number(/\((\d+) modules/.exec(result.output)?.[1] ?? 0);
  return { ...result, modules };
}

/** The architecture check proves itself: a file of the lowest floor that imports from the highest must be reported. */
async function plantedViolation(): Promise<Outcome> {
  const folder = mkdtempSync(join(root, 'src/apimachinery/planted-'));
  try {
    writeFileSync(join(folder, 'planted.ts'), "export * from '../../storage/store.ts';\n");
    const result = await floors([folder]);
    const reported = !result.ok && result.output.includes('floor-1-apimachinery');
    return { ok: reported, output: reported ? '' : `the planted violation was not reported:\n${result.output}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Check {
  name: string;
  check: () => Promise<Outcome>;
}

/** They only read, so they run side by side. */
const readers: Check[] = [
  { name: 'types (tsc)', check: () => run(bin('tsc'), ['--noEmit']) },
  { name: 'style (biome)', check: () => run(bin('biome'), ['check', '--error-on-warnings', '.']) },
  { name: 'unused code (knip)', check: () => run(bin('knip'), ['--no-progress']) },
  {
    name: 'floors (dependency-cruiser)',
    check: async () => {
      const result = await floors(['src']);
      return result.ok && result.modules === 0 ? { ok: false, output: 'no module was looked at' } : result;
    },
  },
];
/** It plants a file that the others would find. */
const planter: Check = { name: 'floors: a planted violation is found', check: plantedViolation };

/** Whether it passed. */
async function report({ name, check }: Check): Promise<boolean> {
  const start = Date.now();
  const { ok, output } = await check();
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(output.trim());
  return ok;
}

const passed = [...(await Promise.all(readers.map(report))), await report(planter)];
process.exit(passed.every((ok) => ok) ? 0 : 1);
