import { systemClock } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { age } from '../../kubernetes/printing/formats.ts';
import { events } from '../../kubernetes/resource-types.ts';
import type { CoreEvent } from '../../kubernetes/types.ts';
import { type CommandIo, defineCommand } from '../command.ts';
import { operationScopeFlag, singleTarget, type Target } from '../member-access.ts';
import { objectFlags, selectObjects } from '../object-arguments.ts';

export const describeCommand = defineCommand({
  flags: {
    ...objectFlags,
    'operation-scope': operationScopeFlag,
    cluster: flag.string(
      '',
      'Used to specify a target member cluster and only takes effect with --operation-scope=members.',
      {
        shorthand: 'C',
      },
    ),
    'show-events': flag.bool(true, 'If true, display events related to the described object.'),
  },
  async run({ values, args, io, signal }) {
    const target = await singleTarget(values, signal);
    const named = args.length > 1 || args.some((arg) => arg.includes('/')) || values.filename.length > 0;
    const selection = { ...values, all: values.all || (!named && values.selector === '') };
    const selected = await selectObjects(target, selection, args, io, signal);
    let first = true;
    for (const { type, ref } of selected) {
      const object = await target.client.resource<Unstructured>(type).get(ref, { signal });
      if (!first) io.stdout('\n\n');
      first = false;
      describe(object, io);
      if (values['show-events']) await describeEvents(target, type, object, io, signal);
    }
    if (first) io.stderr('No resources found\n');
  },
});

/** Every field, as kubectl describes kinds that it does not know. */
function describe(object: Unstructured, io: CommandIo): void {
  const { metadata, apiVersion, kind, ...rest } = object;
  const {
    name,
    namespace,
    labels,
    annotations,
    managedFields: _,
    ...more
  } = metadata as Unstructured['metadata'] & {
    managedFields?: unknown;
  };
  const head: [string, string][] = [
    ['Name', name ?? ''],
    ['Namespace', namespace ?? ''],
    ['Labels', pairs(labels, '=')],
    ['Annotations', pairs(annotations, ': ')],
    ['API Version', apiVersion],
    ['Kind', kind],
  ];
  for (const [title, text] of head) {
    const [line = '', ...further] = text.split('\n');
    io.stdout(`${`${title}:`.padEnd(14)}${line}\n`);
    for (const one of further) io.stdout(`${' '.repeat(14)}${one}\n`);
  }
  io.stdout(fields({ metadata: more, ...rest }, 0));
}

function pairs(map: Readonly<Record<string, string>> | undefined, between: string): string {
  const lines = Object.entries(map ?? {})
    .filter(([key]) => key !== 'kubectl.kubernetes.io/last-applied-configuration')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}${between}${value}`);
  return lines.length === 0 ? '<none>' : lines.join('\n');
}

function fields(value: Record<string, unknown>, depth: number): string {
  const indent = '  '.repeat(depth);
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => {
      const title = `${indent}${titleOf(key)}:`;
      if (Array.isArray(field)) return `${title}\n${field.map((item) => listItem(item, depth + 1)).join('')}`;
      if (typeof field === 'object' && field !== null)
        return `${title}\n${fields(field as Record<string, unknown>, depth + 1)}`;
      return `${title}  ${String(field)}\n`;
    })
    .join('');
}

function listItem(item: unknown, depth: number): string {
  if (typeof item === 'object' && item !== null) return fields(item as Record<string, unknown>, depth);
  return `${'  '.repeat(depth)}${String(item)}\n`;
}

/** `observedGeneration` → `Observed Generation`; keys that are no field names stay. */
function titleOf(key: string): string {
  if (/[^A-Za-z0-9]/.test(key)) return key;
  const spaced = key.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/([A-Z])([A-Z][a-z])/g, '$1 $2');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

async function describeEvents(
  { client }: Target,
  { kind }: ResourceType,
  { metadata }: Unstructured,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const selector = `involvedObject.name=${metadata.name},involvedObject.kind=${kind},involvedObject.uid=${metadata.uid}`;
  const { items } = await client.resource<CoreEvent>(events).list({
    namespace: metadata.namespace ?? '',
    fieldSelector: selector,
    signal,
  });
  if (items.length === 0) {
    io.stdout('Events:  <none>\n');
    return;
  }
  io.stdout(`Events:\n${eventTable(items, systemClock.now())}`);
}

/** As kubectl shows them: the oldest first, repeated ones with their count. */
export function eventTable(items: readonly CoreEvent[], now: number): string {
  const last = (event: CoreEvent): string =>
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';
  const rows = [...items]
    .sort((a, b) => (last(a) < last(b) ? -1 : 1))
    .map((event) => [
      event.type ?? '',
      event.reason ?? '',
      ageText(event, last(event), now),
      event.source?.component || event.reportingComponent || '',
      (event.message ?? '').trim(),
    ]);
  const heads = ['Type', 'Reason', 'Age', 'From', 'Message'];
  const lines = [heads, ['----', '------', '----', '----', '-------'], ...rows];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `  ${line.map((cell, at) => (at === line.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')}\n`,
    )
    .join('');
}

function ageText(event: CoreEvent, last: string, now: number): string {
  const since = (time: string): string => age(time, now);
  const count = event.series?.count ?? event.count ?? 1;
  const first = event.firstTimestamp ?? event.eventTime ?? last;
  return count > 1 ? `${since(last)} (x${count} over ${since(first)})` : since(first);
}
