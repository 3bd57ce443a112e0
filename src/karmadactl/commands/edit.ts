import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { goYaml } from '../../apimachinery/go-yaml.ts';
import { cloneJson, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { isConflict, isStatus } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { editText, windowsLineEndingsFlag } from '../editor.ts';
import { errorText } from '../error-text.ts';
import { fileFlags, kustomizeFlag } from '../manifests.ts';
import { controlPlaneName, type Target } from '../member-access.ts';
import { type SelectedObject, selectObjects } from '../object-arguments.ts';
import { formatObject, type ObjectPrinter, objectPrinter, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { lastApplied } from '../three-way-patch.ts';
import { fieldManagerFlag, validateFlag, validationOf } from '../write-flags.ts';

export const editCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    ...fileFlags,
    kustomize: kustomizeFlag,
    ...printFlags,
    'windows-line-endings': windowsLineEndingsFlag,
    'output-patch': flag.bool(false, 'Output the patch if the resource is edited.'),
    'save-config': flag.bool(false, 'If true, the configuration of current object will be saved in its annotation.'),
    subresource: flag.choice(
      ['', 'status', 'scale'],
      '',
      'If specified, edit will operate on the subresource of the requested object.',
    ),
    'field-manager': fieldManagerFlag('kubectl-edit'),
    validate: validateFlag,
  },
  async run({ values, args, io, signal }) {
    if (!['', 'json', 'kyaml', 'yaml'].includes(values.output))
      throw new Error(
        `unable to match a printer suitable for the output format "${values.output}", allowed formats are: json,kyaml,yaml`,
      );
    const print = await objectPrinter(values);
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const selection = { ...values, selector: '', all: false, 'all-namespaces': false };
    for (const selected of await selectObjects(target, selection, args, io, signal))
      await editObject(target, selected, values, print, io, signal);
  },
});

interface EditValues {
  readonly output: string;
  readonly 'windows-line-endings': boolean;
  readonly 'output-patch': boolean;
  readonly 'save-config': boolean;
  readonly subresource: '' | 'status' | 'scale';
  readonly 'field-manager': string;
  readonly validate: string;
}

const header = (told: readonly string[]): string =>
  [
    "Please edit the object below. Lines beginning with a '#' will be ignored,",
    'and an empty file will abort the edit. If an error occurs while saving this file will be',
    'reopened with the relevant failures.',
    ...(told.length > 0 ? ['', ...told] : []),
  ]
    .map((line) => `# ${line}`.trimEnd())
    .join('\n');

/** What is refused is opened again with the reason, until it is accepted or saved without a further change. */
async function editObject(
  target: Target,
  { type, ref }: SelectedObject,
  values: EditValues,
  print: ObjectPrinter | undefined,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const resource = target.client.resource<Unstructured>(type);
  const subresource = values.subresource === '' ? {} : { subresource: values.subresource };
  const original = await resource.get(ref, { ...subresource, signal });
  delete original.metadata.managedFields;
  // -o is for what is edited and for what comes out.
  const format = (values.output || 'yaml') as 'json' | 'kyaml' | 'yaml';
  const extension = format === 'json' ? '.json' : '.yaml';
  let text = await formatObject(original, format);
  const untouched = text;
  let told: string[] = [];
  for (;;) {
    const top = `${header(told)}\n#\n`;
    const saved = withoutComments(await editText(`${top}${text}`, extension, values['windows-line-endings']));
    if (saved.trim() === '' || saved === untouched) {
      if (told.length > 0) return giveUp(text, extension, told, io);
      io.stderr('Edit cancelled, no changes made.\n');
      return;
    }
    if (told.length > 0 && saved === text) return giveUp(text, extension, told, io);
    text = saved;
    try {
      const edited = parse(text, goYaml) as Unstructured;
      const patch = patchOf(original, edited, values['save-config']);
      if (patch === undefined) {
        io.stderr('Edit cancelled, no changes made.\n');
        return;
      }
      if (values['output-patch']) io.stdout(`Patch: ${JSON.stringify(patch)}\n`);
      const options = {
        ...subresource,
        fieldManager: values['field-manager'],
        fieldValidation: validationOf(values.validate),
        signal,
      };
      const object = await send(resource, ref, original, patch, options);
      io.stdout(print === undefined ? `${shownName(type, ref.name)} edited\n` : await print([{ type, object }], true));
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (isStatus(error, 'NotFound')) throw error;
      told = errorText(error)
        .replace(/^error: /, '')
        .split('\n');
    }
  }
}

const withoutComments = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !/^#/.test(line))
    .join('\n');

/** What the user wrote is not lost. */
function giveUp(text: string, extension: string, told: readonly string[], io: CommandIo): never {
  const file = join(mkdtempSync(join(tmpdir(), 'karmadactl-edit-')), `edit${extension}`);
  writeFileSync(file, text, { mode: 0o600 });
  io.stderr(`A copy of your changes has been stored to ${JSON.stringify(file)}\n`);
  throw new Error(
    told.length > 0
      ? `Edit cancelled, no valid changes were saved.\n${told.join('\n')}`
      : 'Edit cancelled, no valid changes were saved.',
  );
}

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined when nothing changed. Lists are taken whole. */
function patchOf(original: Unstructured, edited: Unstructured, saveConfig: boolean): Json | undefined {
  if (!isMap(edited)) throw new Error('the edited file is no object');
  const same =
    edited.apiVersion === original.apiVersion &&
    edited.kind === original.kind &&
    edited.metadata?.name === original.metadata.name &&
    edited.metadata?.namespace === original.metadata.namespace;
  if (!same) throw new Error('At least one of apiVersion, kind and name was changed');
  const wanted = cloneJson<Unstructured>(edited);
  if (saveConfig) {
    const { status: _, ...config } = wanted as Unstructured & { status?: unknown };
    const {
      uid: _uid,
      resourceVersion: _version,
      generation: _gen,
      creationTimestamp: _at,
      ...metadata
    } = config.metadata;
    wanted.metadata.annotations = {
      ...metadata.annotations,
      [lastApplied]: `${JSON.stringify({ ...config, metadata })}\n`,
    };
  }
  const patch = mergeDifference(original as Json, wanted as Json);
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function mergeDifference(before: Json, after: Json): Json {
  const patch: Json = {};
  for (const [key, value] of Object.entries(after)) {
    const old = before[key];
    if (isMap(value) && isMap(old)) {
      const inner = mergeDifference(old, value);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (!deepEqual(value, old)) patch[key] = value;
  }
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  return patch;
}

const maxTries = 5;

/** With the version that was read; when others wrote meanwhile, only if what is changed here is still as it was. */
async function send(
  resource: ReturnType<Target['client']['resource']>,
  ref: SelectedObject['ref'],
  original: Unstructured,
  patch: Json,
  options: Parameters<typeof resource.patch>[3],
): Promise<Unstructured> {
  let { resourceVersion } = original.metadata;
  for (let tries = 1; ; tries++) {
    const metadata = { ...(patch['metadata'] as Json | undefined), resourceVersion };
    try {
      return await resource.patch(ref, 'merge', { ...patch, metadata }, options);
    } catch (error) {
      if (!isConflict(error) || tries >= maxTries) throw error;
      const current = await resource.get(ref, { ...(options?.signal === undefined ? {} : { signal: options.signal }) });
      if (!unchanged(patch, original as Json, current as Json)) throw error;
      resourceVersion = current.metadata.resourceVersion;
    }
  }
}

/** Whether everything that the patch touches is in both as it was. */
function unchanged(patch: Json, before: Json, now: Json): boolean {
  return Object.entries(patch).every(([key, value]) => {
    const [old, current] = [before[key], now[key]];
    return isMap(value) && isMap(old) && isMap(current) ? unchanged(value, old, current) : deepEqual(old, current);
  });
}
