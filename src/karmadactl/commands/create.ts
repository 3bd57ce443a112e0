import { parse } from 'yaml';
import { matchesRequirements, parseLabelSelector } from '../../apimachinery/label-selector.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, UsageError } from '../command.ts';
import { createFlags } from '../create/create-flags.ts';
import { editText } from '../editor.ts';
import { fileFlags, kustomizeFlag, readManifests } from '../manifests.ts';
import { controlPlaneName } from '../member-access.ts';
import { locate } from '../object-arguments.ts';
import { formatObject, objectPrinter, type PrintedObject } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { lastApplied } from '../three-way-patch.ts';
import { dryRunSuffix, validationOf } from '../write-flags.ts';

export const createCommand = defineCommand({
  flags: {
    ...createFlags,
    ...fileFlags,
    kustomize: kustomizeFlag,
    edit: flag.bool(false, 'Edit the API resource before creating.'),
    selector: flag.string('', "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.", {
      shorthand: 'l',
    }),
  },
  async run({ values, args, io, signal }) {
    if (args.length > 0) throw new UsageError(`Unexpected args: [${args.join(' ')}]`);
    if (values.filename.length === 0) throw new Error('must specify one of -f and -k');
    const print = await objectPrinter(values);
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const dryRun = values['dry-run'];
    const made: PrintedObject[] = [];
    const requirements = parseLabelSelector(values.selector);
    const read = (await readManifests(values.filename, values.recursive, io)).filter(({ metadata }) =>
      matchesRequirements(requirements, metadata.labels),
    );
    for (const given of read) {
      const object = values.edit ? await edited(given, values.output === 'json' ? 'json' : 'yaml') : given;
      const { type, ref } = await locate(target, object, values.namespace);
      const metadata = {
        ...object.metadata,
        ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
        ...(values['save-config']
          ? { annotations: { ...object.metadata.annotations, [lastApplied]: `${JSON.stringify(object)}\n` } }
          : {}),
      };
      const sent: Unstructured = { ...object, metadata };
      const result =
        dryRun === 'client'
          ? sent
          : await target.client.resource<Unstructured>(type).create(sent, {
              dryRun: dryRun === 'server',
              fieldManager: values['field-manager'],
              fieldValidation: validationOf(values.validate),
              signal,
            });
      if (print === undefined)
        io.stdout(`${shownName(type, result.metadata.name ?? '')} created${dryRunSuffix(dryRun)}\n`);
      else made.push({ type, object: result });
    }
    if (print !== undefined && made.length > 0) io.stdout(await print(made, made.length === 1));
  },
});

async function edited(object: Unstructured, format: 'json' | 'yaml'): Promise<Unstructured> {
  const text = await editText(await formatObject(object, format), `.${format}`);
  if (text.trim() === '') throw new Error('Edit cancelled, saved file was empty.');
  return parse(text, { version: '1.1', schema: 'core' }) as Unstructured;
}
