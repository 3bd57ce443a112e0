import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { goYaml } from '../../apimachinery/go-yaml.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { isStatus } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand } from '../command.ts';
import { patchLocally, readLocalObjects, refuseServerDryRun } from '../local-objects.ts';
import { namesFiles } from '../manifests.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, selectObjects } from '../object-arguments.ts';
import { objectPrinter, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { dryRunFlag, fieldManagerFlag } from '../write-flags.ts';

const {
  selector: _selector,
  all: _all,
  'all-namespaces': _everywhere,
  'field-selector': _fields,
  ...sources
} = objectFlags;

export const patchCommand = defineCommand({
  flags: {
    ...sources,
    patch: flag.string('', 'The patch to be applied to the resource JSON file.', { shorthand: 'p' }),
    'patch-file': flag.string('', 'A file containing a patch to be applied to the resource.'),
    type: flag.choice(['json', 'merge', 'strategic'], 'strategic', 'The type of patch being provided.'),
    subresource: flag.choice(['', 'status', 'scale'], '', 'If specified, patch will operate on the subresource.'),
    ...printFlags,
    local: flag.bool(false, 'If true, patch will operate on the content of the file, not the server-side resource.'),
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
      body = parse(text, goYaml);
    } catch (error) {
      throw new Error(`unable to parse ${JSON.stringify(text)}: ${(error as Error).message}`, { cause: error });
    }
    const dryRun = values['dry-run'];
    const print = await objectPrinter(values);
    const show = async (type: ResourceType, object: Unstructured, changed: boolean): Promise<void> => {
      if (print !== undefined) return io.stdout(await print([{ type, object }], true));
      io.stdout(`${shownName(type, object.metadata.name ?? '')} patched${changed ? '' : ' (no change)'}\n`);
    };
    if (values.local) {
      if (args.length > 0) throw new Error('cannot specify --local and server resources');
      if (!namesFiles(values)) throw new Error('You must provide one or more resources by argument or filename.');
      refuseServerDryRun(dryRun);
      for (const { type, object } of await readLocalObjects(values, io)) {
        const after = patchLocally(object, values.type, body);
        await show(type, after, !deepEqual(object, after));
      }
      return;
    }
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const selection = { ...values, selector: '', all: false, 'all-namespaces': false };
    const options = {
      dryRun: dryRun === 'server',
      fieldManager: values['field-manager'],
      signal,
      ...(values.subresource === '' ? {} : { subresource: values.subresource }),
    };
    for (const { type, ref } of await selectObjects(target, selection, args, io, signal)) {
      const resource = target.client.resource<Unstructured>(type);
      const before = await resource.get(ref, { signal });
      if (dryRun === 'client') {
        const after = patchLocally(before, values.type, body);
        await show(type, after, !deepEqual(before, after));
        continue;
      }
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
      await show(type, after, changed || dryRun !== 'none');
    }
  },
});
