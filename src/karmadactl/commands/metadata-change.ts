import type { Unstructured } from '../../apimachinery/object.ts';
import { applyMergePatch } from '../../apimachinery/patch/merge.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand } from '../command.ts';
import { controlPlaneName } from '../member-access.ts';
import { objectFlags, selectObjects } from '../object-arguments.ts';
import { objectPrinter, printFlags } from '../printing/objects.ts';
import { shownName } from '../resource-arguments.ts';
import { dryRunFlag, dryRunSuffix, fieldManagerFlag } from '../write-flags.ts';

export const labelCommand = metadataCommand('labels', 'label', ['labeled', 'unlabeled', 'not labeled']);
export const annotateCommand = metadataCommand('annotations', 'annotation', ['annotated', 'annotated', 'annotated']);

/** `KEY=VALUE` sets, `KEY-` takes away. `verbs`: set, only taken away, nothing changed. */
function metadataCommand(field: 'labels' | 'annotations', word: string, verbs: readonly [string, string, string]) {
  return defineCommand({
    flags: {
      ...objectFlags,
      ...printFlags,
      'dry-run': dryRunFlag,
      'field-manager': fieldManagerFlag(`kubectl-${word === 'label' ? 'label' : 'annotate'}`),
      list: flag.bool(false, `If true, display the ${word}s for a given resource.`),
      'resource-version': flag.string(
        '',
        `If non-empty, the ${word}s update will only succeed if this is the current resource-version for the object. Only valid when specifying a single resource.`,
      ),
      overwrite: flag.bool(
        false,
        `If true, allow ${word}s to be overwritten, otherwise reject updates that overwrite existing ${word}s.`,
      ),
    },
    async run({ values, args, io, signal }) {
      const isChange = (arg: string): boolean => arg.includes('=') || (arg.endsWith('-') && arg.length > 1);
      const changes = args.filter(isChange);
      const late = args.slice(args.findIndex(isChange)).find((arg) => !isChange(arg));
      if (changes.length > 0 && late !== undefined)
        throw new Error(`all resources must be specified before ${word} changes: ${late}`);
      if (changes.length === 0 && !values.list) throw new Error(`at least one ${word} update is required`);
      const print = await objectPrinter(values);
      const dryRun = values['dry-run'];
      const wanted = parseChanges(changes, word);
      const target = { ...controlPlaneClient(values), name: controlPlaneName };
      const objects = args.filter((arg) => !isChange(arg));
      const selected = await selectObjects(target, values, objects, io, signal);
      if (selected.length > 1 && values['resource-version'] !== '')
        throw new Error('--resource-version may only be used with a single resource');
      for (const { type, ref } of selected) {
        const resource = target.client.resource<Unstructured>(type);
        const current = await resource.get(ref, { signal });
        const { metadata } = current;
        const before = metadata[field] ?? {};
        for (const [key, value] of wanted) {
          const old = before[key];
          if (value === null) {
            if (old === undefined) io.stdout(`${word} "${key}" not found.\n`);
          } else if (old !== undefined && old !== value && !values.overwrite)
            throw new Error(`'${key}' already has a value (${old}), and --overwrite is false`);
        }
        const changed = [...wanted].filter(([key, value]) => (before[key] ?? null) !== value);
        // With the version that was read: what others change meanwhile is not overwritten unseen.
        const resourceVersion = values['resource-version'] || metadata.resourceVersion;
        const patch = { metadata: { resourceVersion, [field]: Object.fromEntries(changed) } };
        const options = { dryRun: dryRun === 'server', fieldManager: values['field-manager'], signal };
        const after =
          changed.length === 0
            ? current
            : dryRun === 'client'
              ? (applyMergePatch(current, { metadata: { [field]: Object.fromEntries(changed) } }) as Unstructured)
              : await resource.patch(ref, 'merge', patch, options);
        if (values.list) {
          if (selected.length > 1)
            io.stdout(`Listing ${word}s for ${type.kind}.${type.group}/${ref.name}:\n`.replace('./', '/'));
          for (const [key, value] of Object.entries(after.metadata[field] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
            io.stdout(`${selected.length > 1 ? ' ' : ''}${key}=${value}\n`);
          if (changes.length === 0) continue;
        }
        if (print !== undefined) {
          io.stdout(await print([{ type, object: after }], true));
          continue;
        }
        const verb =
          changed.length === 0 ? verbs[2] : changed.every(([, value]) => value === null) ? verbs[1] : verbs[0];
        io.stdout(`${shownName(type, ref.name)} ${verb}${dryRunSuffix(dryRun)}\n`);
      }
    },
  });
}

function parseChanges(changes: readonly string[], word: string): Map<string, string | null> {
  const wanted = new Map<string, string | null>();
  for (const change of changes) {
    const at = change.indexOf('=');
    const key = at < 0 ? change.slice(0, -1) : change.slice(0, at);
    if (key === '') throw new Error(`invalid ${word} spec: ${change}`);
    if (wanted.has(key))
      throw new Error(`can not both modify and remove the following ${word}(s) in the same command: ${key}`);
    wanted.set(key, at < 0 ? null : change.slice(at + 1));
  }
  return wanted;
}
