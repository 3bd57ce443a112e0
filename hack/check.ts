/**
 * Everything that can be checked without running the project: types, style, unused code, the floors of the house.
 * Each check prints one line; a failing one prints what its tool said. Exit code 1 when any failed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules/.bin', name);

interface Outcome {
  ok: boolean;
  output: string;
}

function run(command: string, args: readonly string[]): Outcome {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  return { ok: result.status === 0, output: `${result.stdout}${result.stderr}${result.error ?? ''}` };
}

function floors(folders: readonly string[]): Outcome & { modules: number } {
  const result = run(bin('depcruise'), [...folders, '--config', '.dependency-cruiser.cjs', '--output-type', 'err']);
  const modules = Number(/\((\d+) modules/.exec(result.output)?.[1] ?? 0);
  return { ...result, modules };
}

/** The architecture check proves itself: a file of the lowest floor that imports from the highest must be reported. */
function plantedViolation(): Outcome {
  const folder = mkdtempSync(join(root, 'src/apimachinery/planted-'));
  try {
    writeFileSync(join(folder, 'planted.ts'), "export * from '../../storage/store.ts';\n");
    const result = floors([folder]);
    const reported = !result.ok && result.output.includes('floor-1-apimachinery');
    return { ok: reported, output: reported ? '' : `the planted violation was not reported:\n${result.output}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const checks: [string, () => Outcome][] = [
  ['types (tsc)', () => run(bin('tsc'), ['--noEmit'])],
  ['style (biome)', () => run(bin('biome'), ['check', '--error-on-warnings', '.'])],
  ['unused code (knip)', () => run(bin('knip'), ['--no-progress'])],
  [
    'floors (dependency-cruiser)',
    () => {
      const result = floors(['src']);
      return result.ok && result.modules === 0 ? { ok: false, output: 'no module was looked at' } : result;
    },
  ],
  ['floors: a planted violation is found', plantedViolation],
];

let failed = 0;
for (const [name, check] of checks) {
  const start = Date.now();
  const { ok, output } = check();
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  if (!ok) {
    failed++;
    console.log(output.trim());
  }
}
process.exit(failed === 0 ? 0 : 1);
