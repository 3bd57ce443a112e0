import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isStatus } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand } from '../command.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, selectObjects } from '../object-arguments.ts';
import { objectPrinter, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { dryRunFlag, dryRunSuffix, fieldManagerFlag } from '../write-flags.ts';

const { filename, recursive, selector: _selector, all: _all, 'all-namespaces': _everywhere, ...rest } = objectFlags;

export const patchCommand = defineCommand({
  flags: {
    ...rest,
    filename,
    recursive,
    patch: flag.string('', 'The patch to be applied to the resource JSON file.', { shorthand: 'p' }),
    'patch-file': flag.string('', 'A file containing a patch to be applied to the resource.'),
    type: flag.choice(['json', 'merge', 'strategic'], 'strategic', 'The type of patch being provided.'),
    subresource: flag.choice(['', 'status', 'scale'], '', 'If specified, patch will operate on the subresource.'),
    ...printFlags,
    'dry-run': dryRunFlag,
    'field-manager': fieldManagerFlag('kubectl-patch'),
  },
  async run({ values, args, io, signal }) {
    if (values.patch === '' && values['patch-file'] === '')
      throw new Error('must specify --patch or --patch-file containing the contents of the patch');
    if (values.patch !== '' && values['patch-file'] !== '')
      throw new Error('cannot specify --patch and --patch-file together');
    const text = values.patch || readFileSync(values['patch-file'], 'utf8');
    let body: unknown;
    try {
      body = parse(text);
    } catch (error) {
      throw new Error(`unable to parse ${JSON.stringify(text)}: ${(error as Error).message}`, { cause: error });
    }
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const selection = { ...values, selector: '', all: false, 'all-namespaces': false };
    const dryRun = values['dry-run'];
    const print = await objectPrinter(values);
    const options = {
      // The server patches for the client, too: there is no better judge of what comes out.
      dryRun: dryRun !== 'none',
      fieldManager: values['field-manager'],
      signal,
      ...(values.subresource === '' ? {} : { subresource: values.subresource }),
    };
    for (const { type, ref } of await selectObjects(target, selection, args, io, signal)) {
      const resource = target.client.resource<Unstructured>(type);
      const before = await resource.get(ref, { signal });
      let after: Unstructured;
      try {
        after = await resource.patch(ref, values.type, body, options);
      } catch (error) {
        if (!isStatus(error, 'UnsupportedMediaType')) throw error;
        throw new Error(
          `application/strategic-merge-patch+json is not supported by ${type.resource}.${type.group}: try --type merge`,
          { cause: error },
        );
      }
      const changed = before.metadata.resourceVersion !== after.metadata.resourceVersion;
      if (print !== undefined) io.stdout(await print([{ type, object: after }], true));
      else
        io.stdout(
          `${shownName(type, ref.name)} patched${changed || dryRun !== 'none' ? '' : ' (no change)'}${dryRunSuffix(dryRun)}\n`,
        );
    }
  },
});
