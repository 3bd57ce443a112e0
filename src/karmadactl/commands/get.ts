import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { ConnectionError } from '../../client/connection-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { controlPlaneName, openMember, operationScopeFlag, selectMembers, type Target } from '../member-access.ts';
import { objectPrinter, type PrintValues, printFlags } from '../printing/objects.ts';
import { type ServerTable, tableAccept } from '../printing/resource-table.ts';
import { type ResourceArgument, resolveArguments } from '../resource-arguments.ts';
import { printAll, printTables } from './get-printing.ts';
import { type Answer, type Format, pathOf, type Query } from './get-query.ts';
import { watchAnswers } from './get-watch.ts';

export const getCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    'operation-scope': operationScopeFlag,
    clusters: flag.list(
      [],
      'Used to specify target member clusters and only takes effect with --operation-scope=members or all.',
      {
        shorthand: 'C',
      },
    ),
    'all-namespaces': flag.bool(false, 'List the requested objects across all namespaces.', { shorthand: 'A' }),
    labels: flag.string('', 'Selector (label query) to filter on, e.g. -l key1=value1,key2!=value2.', {
      shorthand: 'l',
    }),
    ...printFlags,
    output: {
      ...printFlags.output,
      usage:
        'Output format. One of: (json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file, wide).',
    },
    'sort-by': flag.string(
      '',
      "If non-empty, sort list types using this field specification, a JSONPath expression (e.g. '{.metadata.name}').",
    ),
    'output-watch-events': flag.bool(
      false,
      'Output watch event objects when --watch or --watch-only is used. Existing objects are output as initial ADDED events.',
    ),
    watch: flag.bool(false, 'After listing/getting the requested objects, watch for changes.', { shorthand: 'w' }),
    'watch-only': flag.bool(false, 'Watch for changes to the requested objects, without listing/getting first.'),
    'no-headers': flag.bool(false, "Don't print headers."),
    'show-labels': flag.bool(false, 'Show all labels as the last column.'),
    'show-kind': flag.bool(false, 'List the resource type of the requested objects.'),
    'label-columns': flag.list([], 'Labels that are presented as columns; may be repeated.', { shorthand: 'L' }),
    'ignore-not-found': flag.bool(false, 'If the requested object does not exist the command exits with 0.'),
  },
  async run({ values, args, io, signal, executable }) {
    const format = await outputFormat(values);
    const watching = values.watch || values['watch-only'];
    if (values['output-watch-events'] && !watching)
      throw new Error('--output-watch-events option can only be used with --watch or --watch-only');
    if (args[0] === undefined) {
      throw new Error(`You must specify the type of resource to get. Use "${executable} get --help" for examples`);
    }
    const controlPlane = controlPlaneClient(values);
    const query: Query = {
      ...values,
      scope: values['operation-scope'],
      namespace: values['all-namespaces'] ? '' : values.namespace || controlPlane.namespace,
    };
    const targets = await selectTargets({ ...controlPlane, name: controlPlaneName }, query, signal);
    if (targets.length === 0) {
      io.stderr('No member Clusters found in Karmada control plane\n');
      return;
    }
    const errors: unknown[] = [];
    const asked = await askAll(targets, query, args, format, errors, signal);
    if (watching) {
      // Upstream's words, whatever the reason; the reason is worth more.
      if (errors.length > 0) throw errors[0];
      if (asked.length === 0) throw new Error('not to find obj that is watched');
      return watchAnswers(asked, query, format, io, signal);
    }
    const printed =
      typeof format === 'string'
        ? printTables(asked, query, format === 'wide', io)
        : await printAll(asked, query, format.print, io);
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
    if (!printed && !values['ignore-not-found'] && typeof format === 'string') {
      const everywhere = query.namespace === '' || asked.every(({ type }) => !type.namespaced);
      io.stderr(everywhere ? 'No resources found\n' : `No resources found in ${query.namespace} namespace.\n`);
    }
  },
});

async function outputFormat(values: PrintValues & { readonly 'show-labels': boolean }): Promise<Format> {
  const { output } = values;
  if (values['show-labels'] && output !== '' && output !== 'wide')
    throw new Error(`--show-labels option cannot be used with ${output} printer`);
  if (output === 'wide') return 'wide';
  const print = await objectPrinter(values, ['wide', 'custom-columns']);
  return print === undefined ? 'table' : { print };
}

/** The control plane first. */
async function selectTargets(controlPlane: Target, query: Query, signal: AbortSignal): Promise<Target[]> {
  if (query.scope === 'karmada') return [controlPlane];
  const names = await selectMembers(controlPlane.client, query.clusters, signal);
  const members = names.map((name) => openMember(controlPlane, name));
  return query.scope === 'all' ? [controlPlane, ...members] : members;
}

/** All servers at a time; what one of them refuses does not keep the others from being shown. */
async function askAll(
  targets: readonly Target[],
  query: Query,
  args: readonly string[],
  format: Format,
  errors: unknown[],
  signal: AbortSignal,
): Promise<Answer[]> {
  const perTarget = await Promise.all(
    targets.map(async (target): Promise<Answer[]> => {
      const prefix = `cluster(${target.name}): `;
      try {
        if (target.name !== controlPlaneName) await probe(target, signal);
        const requests = await resolveArguments(target.client, args, signal);
        const answers: Answer[] = [];
        for (const request of requests) answers.push(await ask(target, request, query, format, errors, signal));
        return answers;
      } catch (error) {
        signal.throwIfAborted();
        const own = query.scope === 'karmada' && error instanceof ConnectionError;
        errors.push(own || error instanceof ProbeError ? error : withPrefix(prefix, error));
        return [];
      }
    }),
  );
  return perTarget.flat();
}

class ProbeError extends Error {}

async function probe({ client, name }: Target, signal: AbortSignal): Promise<void> {
  try {
    await client.request('GET', '/api', { signal });
  } catch (error) {
    signal.throwIfAborted();
    const why = (error as Error).message;
    throw new ProbeError(
      `basic connection test to cluster(${name}) failed, please check authorization or network: ${why}`,
      { cause: error },
    );
  }
}

const withPrefix = (prefix: string, error: unknown): Error =>
  new Error(prefix + (error as Error).message, { cause: error });

async function ask(
  target: Target,
  { type, names }: ResourceArgument,
  query: Query,
  format: Format,
  errors: unknown[],
  signal: AbortSignal,
): Promise<Answer> {
  const answer: Answer = { target, type, names, tables: [], objects: [], resourceVersion: '' };
  if (query['watch-only'] && names.length === 0) return answer;
  const asTable = typeof format === 'string';
  const paths = names.length === 0 ? [pathOf(type, query)] : names.map((name) => pathOf(type, query, name));
  for (const path of paths) {
    try {
      const found = await read(target.client, path, asTable, names.length === 0 ? query.labels : '', query, signal);
      answer.resourceVersion = (found as ServerTable).metadata?.resourceVersion ?? '';
      if (asTable) answer.tables.push(found as ServerTable);
      else answer.objects.push(...objectsOf(found as Listed, type, query));
    } catch (error) {
      signal.throwIfAborted();
      if (query['ignore-not-found'] && isNotFound(error)) continue;
      const own = target.name === controlPlaneName && query.scope === 'karmada';
      errors.push(own ? error : withPrefix(`cluster(${target.name}): `, error));
    }
  }
  return answer;
}

type Listed = Unstructured & { items?: Unstructured[] };

function read(
  client: Client,
  path: string,
  asTable: boolean,
  labelSelector: string,
  query: Query,
  signal: AbortSignal,
) {
  return client.request<ServerTable | Listed>('GET', path, {
    headers: asTable ? { accept: tableAccept } : {},
    // Rows come with their metadata only, unless there is more to sort by.
    query: { labelSelector, ...(asTable && query['sort-by'] !== '' ? { includeObject: 'Object' } : {}) },
    signal,
  });
}

function objectsOf(found: Listed, type: ResourceType, query: Query): Unstructured[] {
  const items = found.kind === `${type.kind}List` ? (found.items ?? []) : [found];
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  for (const item of items) if (!query['show-managed-fields']) delete item.metadata.managedFields;
  return items.map((item) => ({ ...item, apiVersion: item.apiVersion ?? apiVersion, kind: item.kind ?? type.kind }));
}
