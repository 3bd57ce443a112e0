import { systemClock } from '../../apimachinery/clock.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { defineCommand } from '../command.ts';
import { describeObject } from '../describe/describe.ts';
import { relatedOf } from '../describe/related.ts';
import { errorText } from '../error-text.ts';
import { namesFiles } from '../manifests.ts';
import { singleScopeFlag, singleTarget } from '../member-access.ts';
import { objectFlags, type SelectedObject, selectObjects } from '../object-arguments.ts';

export const describeCommand = defineCommand({
  flags: {
    ...objectFlags,
    'operation-scope': singleScopeFlag,
    cluster: flag.string(
      '',
      'Used to specify a target member cluster and only takes effect with --operation-scope=members.',
      {
        shorthand: 'C',
      },
    ),
    'chunk-size': flag.int(500, 'Return large lists in chunks rather than all at once. Pass 0 to disable.'),
    'show-events': flag.bool(true, 'If true, display events related to the described object.'),
  },
  async run({ values, args, io, signal, executable }) {
    const target = await singleTarget(values, signal);
    const named = args.length > 1 || args.some((arg) => arg.includes('/')) || namesFiles(values);
    const selection = { ...values, all: values.all || (!named && values.selector === '') };
    const related = relatedOf(target.client, systemClock.now(), values['chunk-size'], signal);
    const describe = async ({ type, ref }: SelectedObject): Promise<string> =>
      describeObject(
        await target.client.resource<Unstructured>(type).get(ref, { signal }),
        related,
        values['show-events'],
      );
    if (args.length === 0 && !namesFiles(values))
      throw new Error(
        `You must specify the type of resource to describe. Use "${executable} api-resources" for a complete list of supported resources.`,
      );
    let first = true;
    const errors: unknown[] = [];
    for (const one of await selectObjects(target, selection, args, io, signal)) {
      try {
        const text = await describe(one);
        io.stdout(first ? text : `\n\n${text}`);
        first = false;
      } catch (error) {
        errors.push(error);
      }
    }
    const [error] = errors;
    if (isNotFound(error) && args.length === 2 && !args[0]?.includes('/')) {
      // As kubectl does: the name may be the beginning of names.
      const [words = '', prefix = ''] = args;
      if (words.includes(',')) throw new Error('you may only specify a single resource type');
      const all = await selectObjects(target, { ...values, all: true }, [words], io, signal);
      const matching = all.filter(({ ref }) => ref.name.startsWith(prefix));
      if (matching.length === 0) throw error;
      for (const match of matching) io.stdout(`${await describe(match)}\n`);
      return;
    }
    // What can be described is; then each failure is said, the last of them by the caller.
    if (error !== undefined) {
      for (const earlier of errors.slice(0, -1)) io.stderr(`${errorText(earlier)}\n`);
      throw errors.at(-1);
    }
    if (!first) return;
    const where = values['all-namespaces'] ? '' : ` in ${values.namespace || target.namespace} namespace.`;
    io.stderr(`No resources found${where}\n`);
  },
});
