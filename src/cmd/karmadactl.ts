import { basename } from 'node:path';
import { manyListeners } from '../component/abort.ts';
import { runKarmadactl } from '../karmadactl/cli.ts';

const stop = new AbortController();
manyListeners(stop.signal);
process.on('SIGINT', () => stop.abort(new Error('interrupted')));
process.on('SIGTERM', () => stop.abort(new Error('terminated')));
const io = {
  stdout: (text: string) => void process.stdout.write(text),
  stdin: process.stdin,
  bytes: (chunk: Uint8Array) => void process.stdout.write(chunk),
  stderr: (text: string) => void process.stderr.write(text),
};
// kubectl finds its plugins by this name, and they speak of themselves as its commands.
const executable = basename(process.argv[1] ?? '').startsWith('kubectl-karmada') ? 'kubectl karmada' : 'karmadactl';
// Whoever reads may have enough: `| head`.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const code = await runKarmadactl(process.argv.slice(2), io, stop.signal, executable);
// Pipes are written later: what is still under way would be lost.
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
// Open connections would keep the process alive.
process.exit(code);
