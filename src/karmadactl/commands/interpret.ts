/** `interpret`: runs, checks or edits ResourceInterpreterCustomizations before they go live, without a server. */

import type { ResourceInterpreterCustomization } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { resourceInterpreterCustomizations } from '../../apis/resource-types.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags } from '../command.ts';
import { fileFlags, parseManifests, readTexts } from '../manifests.ts';
import type { SourcedCustomization } from './sourced-customization.ts';

export const interpretCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...fileFlags,
    operation: flag.string(
      '',
      'The interpret operation to execute. One of: (Retain, InterpretReplica, InterpretComponent, ReviseReplica, InterpretStatus, AggregateStatus, InterpretHealth, InterpretDependency).',
    ),
    check: flag.bool(false, 'Validate the given customizations instead of running them.'),
    edit: flag.bool(false, 'Edit a customization in the editor of $KUBE_EDITOR or $EDITOR.'),
    'show-doc': flag.bool(false, 'Show what each rule is for while editing.'),
    'desired-file': flag.string('', 'Path, URL or - of the object as it is desired, for the operation.'),
    'observed-file': flag.string('', 'Path, URL or - of the object as it was observed, for the operation.'),
    'status-file': flag.string(
      '',
      'Path, URL or - of the aggregated status items, one a document, for AggregateStatus.',
    ),
    'desired-replica': flag.int(0, 'The replicas that ReviseReplica sets.'),
    output: flag.choice(['yaml', 'json'], 'yaml', 'How results are printed. One of: (json, yaml).', { shorthand: 'o' }),
  },
  async run({ values, args, io, signal }) {
    if (values.check && values.edit) throw new Error("you can't set both --check and --edit options");
    if (values.edit) {
      const { editCustomization } = await import('./interpret-edit.ts');
      return editCustomization(values, args, io, signal);
    }
    const customizations = await readCustomizations(values, args, io, signal);
    if (values.check) {
      const { checkCustomizations } = await import('./interpret-check.ts');
      return checkCustomizations(customizations, io);
    }
    const { executeOperation } = await import('./interpret-execute.ts');
    await executeOperation(customizations, values, io);
  },
});

/** Out of files, or by name out of the control plane. */
async function readCustomizations(
  values: Parameters<typeof controlPlaneClient>[0] & {
    readonly filename: readonly string[];
    readonly recursive: boolean;
  },
  names: readonly string[],
  io: CommandIo,
  signal: AbortSignal,
): Promise<SourcedCustomization[]> {
  if (values.filename.length > 0 && names.length > 0)
    throw new Error('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well');
  if (values.filename.length > 0) {
    const texts = await readTexts(values.filename, values.recursive, io);
    return texts.flatMap((text) =>
      parseManifests(text).map((object) => ({
        source: text.name,
        object: object as unknown as ResourceInterpreterCustomization,
      })),
    );
  }
  if (names.length === 0) throw new Error('you must specify -f with at least one file, or the name of a customization');
  const { client } = controlPlaneClient(values);
  const resource = client.resource<ResourceInterpreterCustomization>(resourceInterpreterCustomizations);
  return Promise.all(names.map(async (name) => ({ source: name, object: await resource.get({ name }, { signal }) })));
}
