/** `tar` in a simulated container, as far as `kubectl cp` needs it: POSIX ustar archives over the standard streams. */
import { absolutePath, FileError, type ShellFiles } from './simulated-files.ts';

const blockSize = 512;
/** More is not taken from standard input. */
const maxArchiveBytes = 32 * 1024 * 1024;

export interface TarCommand {
  create: boolean;
  folder: string;
  paths: string[];
}

/** `cf - path`, `-xmf - -C folder`. Throws with tar's complaint for anything else. */
export function parseTar(args: readonly string[]): TarCommand {
  const command: TarCommand = { create: false, folder: '/', paths: [] };
  let letters = '';
  let archive = '';
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '-C') command.folder = absolutePath(args[++at] ?? '');
    else if (arg === '--no-same-permissions' || arg === '--no-same-owner') continue;
    else if (at === 0 || /^-[a-z]+$/i.test(arg)) {
      letters += arg.replace(/^-/, '');
      if (arg.endsWith('f')) archive = args[++at] ?? '';
    } else command.paths.push(arg);
  }
  const unknown = /[^cxfmpv]/.exec(letters)?.[0];
  if (unknown !== undefined) throw new Error(`-${unknown}: not supported in a simulated container`);
  if (archive !== '-') throw new Error('only "-f -", the standard streams, is supported in a simulated container');
  if (letters.includes('c') === letters.includes('x')) throw new Error('need exactly one of -c and -x');
  command.create = letters.includes('c');
  return command;
}

/** The archive of files and folders. `missing` is told of paths that there are not. */
export function* packTar(
  paths: readonly string[],
  files: ShellFiles,
  nowMs: number,
  missing: (path: string) => void,
): Generator<Buffer> {
  for (const path of paths) {
    const whole = absolutePath(path);
    const found = files.read(whole) !== undefined ? [whole] : files.below(whole);
    if (found.length === 0 && !files.isFolder(whole)) missing(path);
    if (files.isFolder(whole)) yield header(`${whole.slice(1)}/`, 0, nowMs);
    for (const file of found) {
      const content = files.read(file) ?? Buffer.alloc(0);
      yield header(file.slice(1), content.length, nowMs);
      yield Buffer.concat([content, Buffer.alloc(-content.length & (blockSize - 1))]);
    }
  }
  yield Buffer.alloc(2 * blockSize);
}

/** A name of up to 255 bytes, split at a slash when it is longer than 100; one that ends in a slash is a folder. */
function header(name: string, size: number, nowMs: number): Buffer {
  const block = Buffer.alloc(blockSize);
  const cut = name.length <= 100 ? 0 : name.indexOf('/', name.length - 101);
  const folder = name.endsWith('/');
  block.write(cut > 0 ? name.slice(cut + 1) : name, 0, 100);
  block.write(`${folder ? '0000755' : '0000644'}\0${'0000000\0'.repeat(2)}`, 100);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write(
    `${Math.floor(nowMs / 1000)
      .toString(8)
      .padStart(11, '0')}\0        ${folder ? '5' : '0'}`,
    136,
  );
  block.write('ustar\x0000', 257);
  if (cut > 0) block.write(name.slice(0, cut), 345, 155);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Writes the files of an archive under a folder. Throws FileError, and Error for what is no archive. */
export async function unpackTar(input: AsyncIterable<Buffer>, folder: string, files: ShellFiles): Promise<void> {
  const archive = await readAll(input);
  const text = (at: number, length: number): string =>
    archive.toString('utf8', at, at + length).replace(/\0[\s\S]*$/, '');
  let longName: string | undefined;
  for (let at = 0; at + blockSize <= archive.length; ) {
    if (archive[at] === 0) break;
    const size = Number.parseInt(text(at + 124, 12).trim() || '0', 8);
    if (!Number.isInteger(size) || text(at + 257, 5) !== 'ustar') throw new Error('invalid tar header');
    const prefix = text(at + 345, 155);
    const type = text(at + 156, 1);
    const stored = (prefix === '' ? '' : `${prefix}/`) + text(at, 100);
    const content = archive.subarray(at + blockSize, at + blockSize + size);
    if (content.length < size) throw new Error('unexpected end of file');
    at += blockSize + Math.ceil(size / blockSize) * blockSize;
    if (type === 'x') {
      // Lines of `<length> <key>=<value>`.
      longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(content.toString('utf8'))?.[1];
      continue;
    }
    const name = longName ?? stored;
    longName = undefined;
    const path = absolutePath(`${folder}/${absolutePath(name)}`);
    if (type === '5') makeFolders(path, files);
    else if (type === '0' || type === '') {
      makeFolders(path.slice(0, path.lastIndexOf('/')) || '/', files);
      files.write(path, content);
    } else if (type !== 'g') throw new FileError(`${name}: only files and folders can be unpacked here`);
  }
}

export function makeFolders(path: string, files: ShellFiles): void {
  for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) files.makeFolder(path.slice(0, at));
  if (path !== '/') files.makeFolder(path);
}

async function readAll(input: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > maxArchiveBytes) throw new FileError('No space left on device');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
