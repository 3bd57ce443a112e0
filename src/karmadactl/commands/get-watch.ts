/** `get --watch`: what is there, then every change of it in all clusters that were asked. */
import { resourcePath } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { WatchEvent } from '../../client/client.ts';
import { readJson } from '../../client/response.ts';
import { watchEvents } from '../../client/watch-stream.ts';
import type { CommandIo } from '../command.ts';
import { createResourceTable, type ServerTable, tableAccept } from '../printing/resource-table.ts';
import { styleOf } from './get-printing.ts';
import { type Answer, type Format, pathOf, type Query, typeKey } from './get-query.ts';

/** Prints what is there, then every change, until the signal. */
export async function watchAnswers(
  answers: readonly Answer[],
  query: Query,
  format: Format,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const types = new Set(answers.map(({ type }) => typeKey(type)));
  if (types.size > 1 || answers.some(({ names }) => names.length > 1))
    throw new Error(
      'watch is only supported on individual resources and resource collections - more than 1 resource was found',
    );
  const type = answers[0]?.type;
  if (type === undefined) return;
  const wide = format === 'wide';
  const adoption = wide || type.group !== '' || type.resource !== 'pods';
  const table = createResourceTable(type, styleOf(type, query, wide, false, adoption));
  const withEvents = query['output-watch-events'];
  const print: PrintFound = async ({ target }, found, event) => {
    if (typeof format === 'string') {
      const tables = found.map((one) => ({ cluster: target.name, table: one as ServerTable }));
      io.stdout(table.format(tables, withEvents ? event : undefined));
      return;
    }
    for (const object of found as Unstructured[]) {
      const shown = withEvents ? ({ type: event, object } as unknown as Unstructured) : object;
      io.stdout(await format.print([{ type, object: shown }], true));
    }
  };
  if (!query['watch-only'])
    for (const answer of answers)
      await print(answer, typeof format === 'string' ? answer.tables : answer.objects, 'ADDED');
  const errors: unknown[] = [];
  let running = answers.length;
  await Promise.all(
    answers.map(async (answer) => {
      const { name } = answer.target;
      try {
        await follow(answer, query, format, print, signal);
        running--;
        if (!signal.aborted && running > 0) io.stderr(`cluster(${name}): its watch has ended; the others go on\n`);
      } catch (error) {
        running--;
        errors.push(error);
        // One that goes away does not end the watch of the others.
        if (running > 0) io.stderr(`cluster(${name}): ${(error as Error).message}; the others go on\n`);
      }
    }),
  );
  if (errors.length > 0) throw errors.at(-1);
}

type PrintFound = (answer: Answer, found: readonly (ServerTable | Unstructured)[], event: string) => Promise<void>;

async function follow(
  answer: Answer,
  query: Query,
  format: Format,
  print: PrintFound,
  signal: AbortSignal,
): Promise<void> {
  const { target, type, names } = answer;
  const search = new URLSearchParams({ watch: 'true' });
  if (names.length > 0) search.set('fieldSelector', `metadata.name=${names[0]}`);
  else if (query.labels !== '') search.set('labelSelector', query.labels);
  let { resourceVersion } = answer;
  if (query['watch-only'] && resourceVersion === '') {
    const list = await target.client.request<ServerTable>('GET', pathOf(type, query), {
      query: { limit: '1' },
      signal,
    });
    resourceVersion = list.metadata?.resourceVersion ?? '';
  }
  search.set('resourceVersion', resourceVersion);
  const asTable = typeof format === 'string';
  const namespaced = { namespace: names.length > 0 ? query.namespace || 'default' : query.namespace };
  const response = await target.client.transport.request({
    method: 'GET',
    path: `${resourcePath(type, namespaced)}?${search}`,
    headers: asTable ? { accept: tableAccept } : {},
    signal,
  });
  if (response.status !== 200) await readJson(response, 'GET');
  try {
    for await (const event of watchEvents<Unstructured>(response.body)) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'ERROR') throw new Error(event.object.message ?? 'the watch broke off');
      await print(answer, [shownObject(event, query)], event.type);
    }
  } catch (error) {
    // Ctrl-C ends a watch as it should.
    if (!signal.aborted) throw error;
  }
}

function shownObject(
  event: Extract<WatchEvent<Unstructured>, { type: 'ADDED' | 'MODIFIED' | 'DELETED' }>,
  query: Query,
) {
  if (!query['show-managed-fields']) delete (event.object.metadata as { managedFields?: unknown })?.managedFields;
  return event.object;
}
