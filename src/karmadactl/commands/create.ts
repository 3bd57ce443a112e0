import { parse } from 'yaml';
import { goYaml } from '../../apimachinery/go-yaml.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, UsageError } from '../command.ts';
import { createFlags } from '../create/create-flags.ts';
import { editText, windowsLineEndingsFlag } from '../editor.ts';
import { fileFlags, kustomizeFlag, readManifests, requireFiles, withSource } from '../manifests.ts';
import { controlPlaneName } from '../member-access.ts';
import { locate } from '../object-arguments.ts';
import { formatObject, objectPrinter, type PrintedObject } from '../printing/objects.ts';
import { readRawBody, sendRaw } from '../raw-request.ts';
import { shownName } from '../resource-arguments.ts';
import { selectedByLabels } from '../selected-by-labels.ts';
import { lastApplied } from '../three-way-patch.ts';
import { dryRunSuffix, validationOf } from '../write-flags.ts';

export const createCommand = defineCommand({
  flags: {
    ...createFlags,
    ...fileFlags,
    kustomize: kustomizeFlag,
    edit: flag.bool(false, 'Edit the API resource before creating.'),
    'windows-line-endings': windowsLineEndingsFlag,
    raw: flag.string('', 'Raw URI to POST to the server. Uses the transport specified by the kubeconfig file.'),
    selector: flag.string('', "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.", {
      shorthand: 'l',
    }),
  },
  async run({ values, args, io, signal }) {
    if (args.length > 0) throw new UsageError(`Unexpected args: [${args.join(' ')}]`);
    requireFiles(values);
    if (values.raw !== '') {
      checkRaw(values);
      const body = await readRawBody(values.filename, io);
      return sendRaw(controlPlaneClient(values).client, 'POST', values.raw, body, io, signal);
    }
    const print = await objectPrinter(values);
    const target = { ...controlPlaneClient(values), name: controlPlaneName };
    const dryRun = values['dry-run'];
    const made: PrintedObject[] = [];
    for (const given of selectedByLabels(await readManifests(values, io), values.selector)) {
      const object = values.edit ? await edited(given, values) : given;
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
          : await target.client
              .resource<Unstructured>(type)
              .create(sent, {
                dryRun: dryRun === 'server',
                fieldManager: values['field-manager'],
                fieldValidation: validationOf(values.validate),
                signal,
              })
              .catch((error: unknown) => Promise.reject(withSource(error, 'creating', given)));
      if (print === undefined)
        io.stdout(`${shownName(type, result.metadata.name ?? '')} created${dryRunSuffix(dryRun)}\n`);
      else made.push({ type, object: result });
    }
    if (print !== undefined && made.length > 0) io.stdout(await print(made, made.length === 1));
  },
});

/** @throws with kubectl's texts */
function checkRaw(values: {
  readonly edit: boolean;
  readonly output: string;
  readonly recursive: boolean;
  readonly selector: string;
}): void {
  if (values.edit) throw new Error('--raw and --edit are mutually exclusive');
  if (values.output !== '') throw new Error('--raw and --output are mutually exclusive');
  if (values.recursive) throw new Error('--raw and --recursive are mutually exclusive');
  if (values.selector !== '') throw new Error('--raw and --selector (-l) are mutually exclusive');
}

async function edited(
  object: Unstructured,
  values: { readonly output: string; readonly 'windows-line-endings': boolean },
): Promise<Unstructured> {
  const format = values.output === 'json' ? 'json' : 'yaml';
  const text = await editText(await formatObject(object, format), `.${format}`, values['windows-line-endings']);
  if (text.trim() === '') throw new Error('Edit cancelled, saved file was empty.');
  return parse(text, goYaml) as Unstructured;
}
