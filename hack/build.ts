/**
 * Bundles every executable of src/cmd into dist/cmd, code split, so that a command loads only what it runs.
 * Native packages stay outside the bundle. Data files of src/ are copied beside the chunks that read them.
 *
 * A build that changes nothing writes nothing, and the chunks of the build before are kept: a process that still runs the
 * old code may load one of them later. dist/build.json names what the newest build wrote; its `id` changes with the output.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

interface BuildRecord {
  id: string;
  files: string[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist');
const recordFile = join(out, 'build.json');

const commands = readdirSync(join(root, 'src/cmd')).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);
const result = await build({
  absWorkingDir: root,
  entryPoints: [
    ...commands.map((file) => ({ in: `src/cmd/${file}`, out: basename(file, '.ts') })),
    // The entry of a worker thread: loaded by its path.
    { in: 'src/interpreter/lua/worker.ts', out: 'lua-worker' },
  ],
  outdir: join(out, 'cmd'),
  chunkNames: 'chunks/[name]-[hash]',
  write: false,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['lmdb', '@bufbuild/re2'],
  // ES module builds of packages keep their named exports under a dynamic import().
  mainFields: ['module', 'main'],
  // Bundled CommonJS packages call require(); ES modules have none of their own.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
  legalComments: 'none',
  logLevel: 'warning',
});

const assets = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.tsv'),
);
const hash = createHash('sha256');
for (const file of result.outputFiles) hash.update(file.path).update(file.contents);
for (const asset of assets) hash.update(readFileSync(join(root, 'src', asset)));
const id = hash.digest('hex').slice(0, 16);

const before: BuildRecord | undefined = existsSync(recordFile)
  ? JSON.parse(readFileSync(recordFile, 'utf8'))
  : undefined;
if (before?.id === id) {
  writeFileSync(recordFile, `${JSON.stringify(before)}\n`);
  console.log('dist is up to date');
} else {
  const files: string[] = [];
  for (const file of result.outputFiles) {
    writeWhole(file.path, file.contents);
    files.push(relative(out, file.path));
  }
  // import.meta.url of a bundled module is the chunk it landed in: every folder that holds output gets the data files.
  for (const asset of assets) {
    for (const folder of ['cmd', 'cmd/chunks']) {
      mkdirSync(join(out, folder), { recursive: true });
      copyFileSync(join(root, 'src', asset), join(out, folder, basename(asset)));
      files.push(join(folder, basename(asset)));
    }
  }
  removeAllBut(new Set([...files, ...(before?.files ?? [])]));
  writeWhole(recordFile, Buffer.from(`${JSON.stringify({ id, files })}\n`));
  const bytes = result.outputFiles.reduce((sum, file) => sum + file.contents.byteLength, 0);
  console.log(`built ${commands.length} executables into dist/cmd (${(bytes / 1e6).toFixed(1)} MB)`);
}

/** Readers see the old file or the new one, never a part. */
function writeWhole(path: string, contents: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}

function removeAllBut(keep: ReadonlySet<string>): void {
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path !== recordFile && !keep.has(relative(out, path))) rmSync(path);
  }
}
