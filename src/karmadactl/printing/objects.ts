/** Whole objects in the forms of `-o`: JSON, YAML, names, templates, columns of the user's own. */
import { readFileSync } from 'node:fs';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { shownName } from '../resource-arguments.ts';
import { goJson } from './go-json.ts';

export interface PrintedObject {
  type: ResourceType;
  object: Unstructured;
}

/** `alone`: one object by itself; else a List of all. */
export type ObjectPrinter = (items: readonly PrintedObject[], alone: boolean) => Promise<string>;

/** In kubectl's order. */
const templateForms = [
  'go-template',
  'go-template-file',
  'template',
  'templatefile',
  'jsonpath',
  'jsonpath-as-json',
  'jsonpath-file',
];
const plainForms = ['json', 'name', 'yaml', 'kyaml'];

export const printFlags = {
  output: flag.string(
    '',
    'Output format. One of: (json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file).',
    { shorthand: 'o' },
  ),
  template: flag.string(
    '',
    'Template string or path to template file to use when -o=go-template, -o=go-template-file.',
  ),
  'allow-missing-template-keys': flag.bool(
    true,
    'If true, ignore any errors in templates when a field or map key is missing in the template.',
  ),
  'show-managed-fields': flag.bool(
    false,
    'If true, keep the managedFields when printing objects in JSON or YAML format.',
  ),
};

export interface PrintValues {
  readonly output: string;
  readonly template: string;
  readonly 'allow-missing-template-keys': boolean;
  readonly 'show-managed-fields': boolean;
  readonly 'no-headers'?: boolean;
}

/** Undefined without `-o`. `more`: forms that the command prints itself. @throws on a form that does not exist */
export async function objectPrinter(
  values: PrintValues,
  more: readonly string[] = [],
): Promise<ObjectPrinter | undefined> {
  const { output } = values;
  if (output === '' && values.template === '') return undefined;
  const [form = '', given] = splitForm(output || 'go-template');
  const custom = more.includes('custom-columns');
  if (plainForms.includes(form) && given === undefined) {
    if (form === 'name') return async (items) => items.map(nameLine).join('');
    return printer(values, (value) => formatObject(value, form as 'json' | 'yaml' | 'kyaml'));
  }
  if (custom && (form === 'custom-columns' || form === 'custom-columns-file'))
    return columnPrinter(form, given, values);
  if (templateForms.includes(form)) return printer(values, await templatePrinter(form, given, values));
  const known = [...more, ...plainForms, ...templateForms, ...(custom ? ['custom-columns-file'] : [])];
  throw new Error(
    `unable to match a printer suitable for the output format "${output}", allowed formats are: ${[...new Set(known)].sort().join(',')}`,
  );
}

function splitForm(output: string): [string, string | undefined] {
  const equals = output.indexOf('=');
  return equals < 0 ? [output, undefined] : [output.slice(0, equals), output.slice(equals + 1)];
}

const nameLine = ({ type, object }: PrintedObject): string => `${shownName(type, object.metadata.name ?? '')}\n`;

function printer(values: PrintValues, format: (value: unknown) => string | Promise<string>): ObjectPrinter {
  return async (items, alone) => {
    if (!values['show-managed-fields']) for (const { object } of items) delete object.metadata.managedFields;
    const objects = items.map(({ object }) => object);
    return format(
      alone ? objects[0] : { apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } },
    );
  };
}

async function templatePrinter(
  form: string,
  given: string | undefined,
  values: PrintValues,
): Promise<(value: unknown) => string> {
  const fromFile = /-?file$/.test(form);
  const text = given ?? values.template;
  if (text === '') throw new Error(`template format specified but no template given`);
  const template = fromFile ? readFileSync(text, 'utf8') : text;
  const allowMissing = values['allow-missing-template-keys'];
  const jsonPath = form.startsWith('jsonpath');
  const kind = jsonPath ? 'jsonpath' : 'template';
  try {
    if (!jsonPath) return (await import('./go-template.ts')).compileGoTemplate(template, allowMissing);
    const { compileJsonPathTemplate } = await import('./json-path-template.ts');
    const compiled = compileJsonPathTemplate(template, allowMissing);
    const print =
      form === 'jsonpath-as-json' ? (value: unknown) => `${goJson(compiled.find(value).flat(), 4)}\n` : compiled.print;
    return (value) => {
      try {
        return print(value);
      } catch (error) {
        throw new Error(`error executing jsonpath ${JSON.stringify(template)}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    };
  } catch (error) {
    throw new Error(`error parsing ${kind} ${template}, ${(error as Error).message}`, { cause: error });
  }
}

async function columnPrinter(form: string, given: string | undefined, values: PrintValues): Promise<ObjectPrinter> {
  const { parseColumnsFile, parseCustomColumns, formatCustomColumns } = await import('./custom-columns.ts');
  const text = given ?? values.template;
  const columns = form === 'custom-columns' ? parseCustomColumns(text) : parseColumnsFile(readFileSync(text, 'utf8'));
  return async (items) =>
    formatCustomColumns(
      columns,
      items.map(({ object }) => object),
      values['no-headers'] !== true,
    );
}

export async function formatObject(value: unknown, format: 'json' | 'yaml' | 'kyaml'): Promise<string> {
  if (format === 'json') return `${goJson(value, 4)}\n`;
  if (format === 'kyaml') return (await import('./kyaml.ts')).formatKyaml(value);
  return (await import('./yaml.ts')).formatYaml(value);
}
