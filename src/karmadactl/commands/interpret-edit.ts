/** Edits the scripts of one customization as Lua, and puts them back where they came from. */
import { writeFileSync } from 'node:fs';
import { type Document, parseAllDocuments } from 'yaml';
import { cloneJson } from '../../apimachinery/object.ts';
import type { ResourceInterpreterCustomization } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { resourceInterpreterCustomizations } from '../../apis/resource-types.ts';
import type { InterpreterOperation } from '../../interpreter/interpreter.ts';
import { interpreterOperations } from '../../interpreter/interpreter.ts';
import { operationRules } from '../../interpreter/lua/operations.ts';
import { controlPlaneClient } from '../clients.ts';
import type { CommandIo } from '../command.ts';
import { editText } from '../editor.ts';
import { parseManifests, readTexts, type SourceText } from '../manifests.ts';
import { formatYaml } from '../printing/yaml.ts';
import { notACustomization } from './sourced-customization.ts';

type Customization = ResourceInterpreterCustomization;
type EditValues = Parameters<typeof controlPlaneClient>[0] & {
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly 'show-doc': boolean;
};

interface Source {
  customization: Customization;
  /** Where the edited customization goes. */
  save(edited: Customization): Promise<void> | void;
}

export async function editCustomization(
  values: EditValues,
  names: readonly string[],
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const source = await findSource(values, names, io, signal);
  const original = formatScripts(source.customization, values['show-doc']);
  let text = original;
  for (let problem = ''; ; ) {
    const shown = header + (problem === '' ? '' : `-- ${problem.replaceAll('\n', '\n-- ')}\n--\n`) + text;
    const saved = await editText(shown, '.lua');
    const edited = withoutHeader(saved);
    if (edited === text) {
      io.stderr(
        problem === '' ? 'Edit cancelled, no changes made.\n' : 'Edit cancelled, no valid changes were saved.\n',
      );
      return;
    }
    if (edited.trim() === '') {
      io.stderr('Edit cancelled, saved file was empty.\n');
      return;
    }
    text = edited;
    try {
      await source.save(parseScripts(edited, source.customization));
      return;
    } catch (error) {
      signal.throwIfAborted();
      problem = (error as Error).message;
    }
  }
}

const header = `-- Please edit the object below. Lines beginning with a '--' will be ignored,
-- except within the script of a rule, and an empty file will abort the edit. If an error occurs while
-- saving this file will be reopened with the relevant failures.
--
`;
const docs: Readonly<Record<InterpreterOperation, string>> = {
  Retain: 'Returns the desired object with the fields that the member owns.\nfunction Retain(desiredObj, observedObj)',
  InterpretReplica: 'Returns the replicas of the object and what one of them needs.\nfunction GetReplicas(obj)',
  InterpretComponent: 'Returns the parts of the object that have replicas of their own.\nfunction GetComponents(obj)',
  ReviseReplica: 'Returns the object with its replicas set.\nfunction ReviseReplica(obj, desiredReplica)',
  InterpretStatus: 'Returns the status that is reported of the object.\nfunction ReflectStatus(obj)',
  AggregateStatus:
    'Returns the object with a status made of those of its members.\nfunction AggregateStatus(obj, items)',
  InterpretHealth: 'Returns whether the object is healthy.\nfunction InterpretHealth(obj)',
  InterpretDependency: 'Returns references to what the object depends on.\nfunction GetDependencies(obj)',
};
const docLines = (operation: InterpreterOperation): string[] =>
  docs[operation].split('\n').map((line) => `--- ${line}`);

function formatScripts({ metadata, spec }: Customization, showDoc: boolean): string {
  const lines = [
    `---@name: ${metadata.name ?? ''}`,
    `---@apiVersion: ${spec?.target?.apiVersion ?? ''}`,
    `---@kind: ${spec?.target?.kind ?? ''}`,
  ];
  for (const operation of interpreterOperations) {
    lines.push(`---@rule: ${operation}`, ...(showDoc ? docLines(operation) : []));
    const script = spec?.customizations?.[operationRules[operation]]?.luaScript.trim();
    if (script) lines.push(script);
  }
  return `${lines.join('\n')}\n`;
}

/** Comments before the first mark are the tool's own. */
function withoutHeader(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !line.startsWith('--') || line.startsWith('---@'));
  return first < 0 ? '' : lines.slice(first).join('\n');
}

/** @throws for text before the first rule and for rules that there are not */
function parseScripts(text: string, before: Customization): Customization {
  const edited = cloneJson<Customization>(before);
  const target = { apiVersion: '', kind: '' };
  const scripts = new Map<InterpreterOperation, string[]>();
  let current: string[] | undefined;
  let doc: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [, mark, value = ''] = /^---@(name|apiVersion|kind|rule):\s*(.*?)\s*$/.exec(line) ?? [];
    if (mark === 'rule') {
      const operation = interpreterOperations.find((known) => known.toLowerCase() === value.toLowerCase());
      if (operation === undefined) throw new Error(`unknown rule: ${value}`);
      current = [];
      doc = docLines(operation);
      scripts.set(operation, current);
    } else if (mark === 'name') edited.metadata.name = value;
    else if (mark === 'apiVersion' || mark === 'kind') target[mark] = value;
    else if (current !== undefined) {
      if (!doc.includes(line)) current.push(line);
    } else if (line.trim() !== '' && !line.startsWith('--')) throw new Error(`unexpected line ${JSON.stringify(line)}`);
  }
  edited.spec = { target, customizations: {} };
  for (const operation of interpreterOperations) {
    const script = scripts.get(operation)?.join('\n').trim();
    if (script) edited.spec.customizations[operationRules[operation]] = { luaScript: `${script}\n` };
  }
  return edited;
}

async function findSource(
  values: EditValues,
  names: readonly string[],
  io: CommandIo,
  signal: AbortSignal,
): Promise<Source> {
  if (names.length + values.filename.length === 0)
    throw new Error('you must specify -f with a file, or the name of a customization');
  if (names.length > 0 && values.filename.length > 0)
    throw new Error('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well');
  if (names.length > 1) throw new Error('only one customization can be edited');
  if (names.length === 1) return onServer(values, names[0] ?? '', io, signal);
  const texts = await readOrNew(values, io);
  const found = texts.flatMap((text) => parseManifests(text).map((object) => ({ text, object })));
  if (found.length > 1) throw new Error('only one customization can be edited');
  const [only] = found;
  const text = only?.text ?? texts[0] ?? { name: 'STDIN', text: '' };
  const customization = (only?.object ?? fresh()) as unknown as Customization;
  const problem = notACustomization({ source: text.name, object: customization });
  if (problem !== undefined) throw new Error(problem);
  const intoFile = text.name !== 'STDIN' && !/^https?:/.test(text.name);
  return {
    customization,
    save(edited) {
      if (intoFile) writeFileSync(text.name, rewritten(text, edited));
      else io.stdout(formatYaml(edited));
    },
  };
}

/** A file that is not there yet gets a new customization. */
async function readOrNew({ filename, recursive }: EditValues, io: CommandIo): Promise<SourceText[]> {
  const { existsSync } = await import('node:fs');
  const [only] = filename;
  if (filename.length === 1 && only !== undefined && only !== '-' && !/^https?:/.test(only) && !existsSync(only))
    return [{ name: only, text: '' }];
  return readTexts(filename, recursive, io);
}

function fresh(): Customization {
  const { group, version, kind } = resourceInterpreterCustomizations;
  return {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: { name: '' },
    spec: { target: { apiVersion: '', kind: '' }, customizations: {} },
  };
}

function onServer(values: EditValues, name: string, io: CommandIo, signal: AbortSignal): Promise<Source> {
  const resource = controlPlaneClient(values).client.resource<Customization>(resourceInterpreterCustomizations);
  return resource.get({ name }, { signal }).then((customization) => ({
    customization,
    async save(edited) {
      if (edited.metadata.name !== name) throw new Error('the name of a customization cannot be changed');
      const gone = Object.keys(customization.spec.customizations).map((rule) => [rule, null] as const);
      const spec = { ...edited.spec, customizations: { ...Object.fromEntries(gone), ...edited.spec.customizations } };
      const { resourceVersion } = customization.metadata;
      await resource.patch({ name }, 'merge', { metadata: { resourceVersion }, spec }, { signal });
      io.stdout(`resourceinterpretercustomization.config.karmada.io/${name} edited\n`);
    },
  }));
}

/** JSON stays JSON; in YAML what was not edited keeps its comments. */
function rewritten({ name, text }: SourceText, edited: Customization): string {
  if (name.endsWith('.json') || text.trimStart().startsWith('{')) return `${JSON.stringify(edited, null, 2)}\n`;
  const [document] = parseAllDocuments(text) as Document[];
  if (document === undefined || document.contents === null) return formatYaml(edited);
  document.setIn(['metadata', 'name'], edited.metadata.name);
  document.setIn(['spec', 'target'], document.createNode(edited.spec.target));
  for (const rule of Object.values(operationRules)) {
    const script = edited.spec.customizations[rule]?.luaScript;
    const path = ['spec', 'customizations', rule, 'luaScript'];
    if (script === undefined) {
      if (document.hasIn(path.slice(0, 3))) document.deleteIn(path.slice(0, 3));
    } else if (String(document.getIn(path) ?? '').trim() !== script.trim()) document.setIn(path, script);
  }
  return document.toString({ indentSeq: false, lineWidth: 0 });
}
