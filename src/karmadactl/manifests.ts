/** Objects out of files, folders, URLs and standard input: JSON or YAML, several documents, Lists taken apart. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Unstructured } from '../apimachinery/object.ts';
import { type Flag, flag } from '../component/flags.ts';
import type { CommandIo } from './command.ts';

export const fileFlags = {
  filename: flag.list([], 'The files that contain the objects; folders and - for standard input are possible.', {
    shorthand: 'f',
  }),
  recursive: flag.bool(false, 'Process the directory used in -f, --filename recursively.', { shorthand: 'R' }),
};

/** Not built here, and said so where it is given. */
export const kustomizeFlag: Flag<string> = {
  ...flag.string('', 'Not supported: kustomizations are built by kubectl.', { shorthand: 'k' }),
  parse(folder) {
    throw new Error(
      `kustomizations are not built here: run "kubectl kustomize ${folder}" and pipe it into this command with -f -`,
    );
  },
};

export async function readManifests(
  files: readonly string[],
  recursive: boolean,
  io: CommandIo,
): Promise<Unstructured[]> {
  const objects = (await readTexts(files, recursive, io)).flatMap(parseManifests);
  if (objects.length === 0) throw new Error('no objects passed to the command');
  return objects;
}

/** The objects of one text; `name` says in errors where it is from. */
export function parseManifests({ name, text }: SourceText): Unstructured[] {
  return parseDocuments({ name, text })
    .flatMap((value) => itemsOf(value as Unstructured))
    .map((object) => {
      if (typeof object !== 'object' || !object.kind)
        throw new Error(`unable to decode ${JSON.stringify(name)}: Object 'Kind' is missing`);
      if (!object.apiVersion)
        throw new Error(`unable to decode ${JSON.stringify(name)}: Object 'apiVersion' is missing`);
      return { ...object, metadata: object.metadata ?? {} };
    });
}

/** The documents of one text that are not empty. */
export function parseDocuments({ name, text }: SourceText): unknown[] {
  return parseAllDocuments(text, { version: '1.1', schema: 'core' }).flatMap((document) => {
    if (!('toJS' in document)) return [];
    const [problem] = document.errors;
    if (problem !== undefined) throw new Error(`error parsing ${name}: ${problem.message}`);
    const value: unknown = document.toJS();
    return value === null ? [] : [value];
  });
}

export interface SourceText {
  /** Path, URL or `STDIN`. */
  name: string;
  text: string;
}

function itemsOf(value: Unstructured): Unstructured[] {
  const { items } = value as { items?: unknown };
  return value.kind?.endsWith('List') && Array.isArray(items) ? (items as Unstructured[]) : [value];
}

export async function readTexts(files: readonly string[], recursive: boolean, io: CommandIo): Promise<SourceText[]> {
  const texts: SourceText[] = [];
  for (const name of files) {
    if (name === '-') {
      const chunks: Uint8Array[] = [];
      for await (const chunk of io.stdin ?? []) chunks.push(chunk);
      texts.push({ name: 'STDIN', text: Buffer.concat(chunks).toString('utf8') });
    } else if (/^https?:\/\//.test(name)) {
      const response = await fetch(name, { signal: AbortSignal.timeout(30_000) });
      if (!response.ok) throw new Error(`unable to read URL "${name}", server reported ${response.status}`);
      texts.push({ name, text: await response.text() });
    } else for (const path of pathsOf(name, recursive)) texts.push({ name: path, text: readFileSync(path, 'utf8') });
  }
  return texts;
}

function pathsOf(name: string, recursive: boolean): string[] {
  const stat = statSync(name, { throwIfNoEntry: false });
  if (stat === undefined) throw new Error(`the path "${name}" does not exist`);
  if (!stat.isDirectory()) return [name];
  return readdirSync(name, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(name, entry.name);
      if (entry.isDirectory()) return recursive ? pathsOf(path, true) : [];
      return /\.(json|ya?ml)$/.test(entry.name) ? [path] : [];
    });
}
