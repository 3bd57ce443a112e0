/** Objects out of files, folders, URLs, standard input and kustomizations: JSON or YAML, several documents, Lists taken apart. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { goYaml } from '../apimachinery/go-yaml.ts';
import type { Unstructured } from '../apimachinery/object.ts';
import { StatusError } from '../apimachinery/status-error.ts';
import { flag } from '../component/flags.ts';
import type { CommandIo } from './command.ts';

export const fileFlags = {
  filename: flag.list([], 'The files that contain the objects; folders and - for standard input are possible.', {
    shorthand: 'f',
  }),
  recursive: flag.bool(false, 'Process the directory used in -f, --filename recursively.', { shorthand: 'R' }),
};

export const kustomizeFlag = flag.string(
  '',
  "Process the kustomization directory. This flag can't be used together with -f or -R.",
  { shorthand: 'k' },
);

/** Where a command finds objects. */
export interface ManifestSource {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  /** The folder of a kustomization. */
  readonly kustomize?: string;
}

export const namesFiles = ({ filename, kustomize = '' }: ManifestSource): boolean =>
  filename.length > 0 || kustomize !== '';

/** @throws when there is neither `-f` nor `-k`, or both */
export function requireFiles(source: ManifestSource): void {
  if (!namesFiles(source)) throw new Error('must specify one of -f and -k');
  checkSource(source);
}

function checkSource({ filename, recursive = false, kustomize = '' }: ManifestSource): void {
  if (kustomize === '') return;
  if (filename.length > 0) throw new Error('only one of -f or -k can be specified');
  if (recursive) throw new Error("the -k flag can't be used with -f or -R");
}

export async function readManifests(source: ManifestSource, io: CommandIo): Promise<Unstructured[]> {
  const { filename, recursive = false, kustomize = '' } = source;
  checkSource(source);
  const texts =
    kustomize === ''
      ? await readTexts(filename, recursive, io)
      : [await (await import('./kustomize.ts')).buildKustomization(kustomize)];
  const objects = texts.flatMap(parseManifests);
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
      const found = { ...object, metadata: object.metadata ?? {} };
      sources.set(found, name);
      return found;
    });
}

const sources = new WeakMap<Unstructured, string>();

/** Where an object was read: for messages. */
export const sourceOf = (object: Unstructured): string => sources.get(object) ?? '';

/** What a server said of an object, with where the object was read. */
export function withSource(error: unknown, doing: string, object: Unstructured): unknown {
  const source = sourceOf(object);
  if (!(error instanceof StatusError) || error.status.reason === 'Invalid' || source === '') return error;
  const message = `error when ${doing} ${JSON.stringify(source)}: ${error.status.message ?? ''}`;
  return new StatusError({ ...error.status, message }, { cause: error });
}

/** The documents of one text that are not empty. */
export function parseDocuments({ name, text }: SourceText): unknown[] {
  return parseAllDocuments(text, goYaml).flatMap((document) => {
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
  const matches = stat === undefined ? globbed(name) : [];
  if (matches.length > 0) return matches.flatMap((path) => pathsOf(path, recursive));
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

/** `'dir/*.yaml'`: patterns in the last part of a path, as the shell would have done it. */
function globbed(pattern: string): string[] {
  const last = basename(pattern);
  if (!/[*?[]/.test(last)) return [];
  const folder = dirname(pattern);
  const matcher = new RegExp(
    `^${last
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
      .replaceAll('[!', '[^')}$`,
  );
  const names = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
  return names
    .filter((name) => matcher.test(name))
    .sort()
    .map((name) => join(folder, name));
}
