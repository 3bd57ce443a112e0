/** Kustomizations are built by the program that defines them: kubectl has it on board, and `kustomize` is it. */
import { execFile } from 'node:child_process';
import type { SourceText } from './manifests.ts';

const builders = [
  ['kubectl', 'kustomize'],
  ['kustomize', 'build'],
] as const;

const maxBytes = 256 * 1024 * 1024;

/** @throws with the builder's own message; or with what is missing when there is no builder */
export async function buildKustomization(folder: string): Promise<SourceText> {
  // A word that looks like a flag would be one.
  const path = folder.startsWith('-') ? `./${folder}` : folder;
  for (const [program, verb] of builders) {
    const text = await run(program, [verb, path]);
    if (text !== undefined) return { name: folder, text };
  }
  throw new Error(
    `kustomizations are built by kubectl or kustomize, and neither is in PATH: install one of them, or build ${JSON.stringify(folder)} elsewhere and pass the result with -f`,
  );
}

/** Undefined when there is no such program. */
function run(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: maxBytes }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.code === 'ENOENT') resolve(undefined);
      else reject(new Error(stderr.trim().replace(/^error: /i, '') || error.message, { cause: error }));
    });
  });
}
