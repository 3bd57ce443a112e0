import { isDns1123Subdomain } from '../../apimachinery/names.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, karmadaFlags } from '../command.ts';

type Taint = NonNullable<Cluster['spec']['taints']>[number];
interface Change {
  key: string;
  value: string;
  effect: string;
}

export const taintCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    overwrite: flag.bool(
      false,
      'If true, allow taints to be overwritten, otherwise reject taint updates that overwrite existing taints.',
    ),
    'dry-run': flag.bool(false, 'Run the command in dry-run mode, without making any server requests.'),
  },
  async run({ values, args, io, signal }) {
    const { names, add, remove } = parseTaintArguments(args);
    const resource = controlPlaneClient(values).client.resource<Cluster>(clusters);
    for (const name of names) {
      const cluster = await resource.get({ name }, { signal });
      const before = cluster.spec.taints ?? [];
      const { taints, verb } = changeTaints(name, before, add, remove, values.overwrite);
      const { resourceVersion } = cluster.metadata;
      const patch = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
      if (!values['dry-run']) await resource.patch({ name }, 'merge', patch, { signal });
      io.stdout(`cluster/${name} ${verb}\n`);
    }
  },
});

export function parseTaintArguments(args: readonly string[]): { names: string[]; add: Change[]; remove: Change[] } {
  const isTaint = (word: string): boolean => /[=:]/.test(word) || word.endsWith('-');
  const firstTaint = args.findIndex(isTaint);
  const resources = firstTaint < 0 ? args : args.slice(0, firstTaint);
  const specs = firstTaint < 0 ? [] : args.slice(firstTaint);
  const late = specs.find((word) => !isTaint(word));
  if (late !== undefined) throw new Error(`all resources must be specified before taint changes: ${late}`);
  const [type, ...names] = resources;
  if (type === undefined) throw new Error('one or more resources must be specified as <resource> <name>');
  if (specs.length === 0) throw new Error('at least one taint update is required');
  const add: Change[] = [];
  const remove: Change[] = [];
  for (const spec of specs) {
    if (spec.endsWith('-')) remove.push(parseTaint(spec.slice(0, -1), true));
    else {
      const taint = parseTaint(spec, false);
      if (add.some(({ key, effect }) => key === taint.key && effect === taint.effect))
        throw new Error(
          `duplicated taints with the same key and effect: {${taint.key} ${taint.value} ${taint.effect} <nil>}`,
        );
      add.push(taint);
    }
  }
  if (type.toLowerCase() !== 'cluster' && type.toLowerCase() !== 'clusters')
    throw new Error(`invalid resource type ${type}, only ["cluster" "clusters"] are supported`);
  const both = add.filter((taint) => remove.some((gone) => matches(gone, taint)));
  if (both.length > 0) {
    const shown = both.map(({ key, effect }) => `{"${key}":"${effect}"}`).join(',');
    throw new Error(`can not both modify and remove the following taint(s) in the same command: ${shown}`);
  }
  if (names.length === 0) throw new Error('at least one resource name must be specified');
  return { names, add, remove };
}

/** A removal without effect is for every effect of the key. */
const matches = (wanted: Change, { key, effect }: { key: string; effect: string }): boolean =>
  wanted.key === key && (wanted.effect === '' || wanted.effect === effect);

function parseTaint(spec: string, removal: boolean): Change {
  const [pair = '', effect = '', ...more] = spec.split(':');
  const [key = '', value = '', ...extra] = effect === '' && !spec.includes(':') ? [pair] : pair.split('=');
  if (more.length > 0 || extra.length > 0) throw new Error(`invalid taint spec: ${spec}`);
  const [prefix, name] = key.includes('/') ? key.split(/\/(.*)/s) : ['', key];
  if (!isLabelText(name ?? '') || name === '' || (key.includes('/') && !isDns1123Subdomain(prefix ?? '')))
    throw new Error(
      `invalid taint spec: ${spec}, name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    );
  if (!isLabelText(value))
    throw new Error(
      `invalid taint spec: ${spec}, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    );
  if (!(removal && effect === '') && !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect))
    throw new Error(`invalid taint effect: ${effect}, unsupported taint effect`);
  return { key, value, effect };
}

const isLabelText = (text: string): boolean =>
  text.length <= 63 && /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(text);

/** New ones first, then what remains of the old. */
function changeTaints(
  name: string,
  before: readonly Taint[],
  add: readonly Change[],
  remove: readonly Change[],
  overwrite: boolean,
): { taints: Taint[]; verb: string } {
  const same = (one: { key: string; effect: string }) => (other: { key: string; effect: string }) =>
    one.key === other.key && one.effect === other.effect;
  const taken = add.filter((taint) => before.some(same(taint)));
  if (taken.length > 0 && !overwrite)
    throw new Error(
      `cluster ${name} already has ${taken.map(({ key }) => key).join(',')} taint(s) with same effect(s) and --overwrite is false`,
    );
  const absent = remove.filter((gone) => !before.some((taint) => matches(gone, taint)));
  if (absent.length > 0)
    throw absent.length === 1 ? notThere(absent[0] as Change) : new AggregateError(absent.map(notThere));
  const kept = before.filter((taint) => !add.some(same(taint)) && !remove.some((gone) => matches(gone, taint)));
  const added = add.map(({ key, value, effect }) => ({ key, ...(value === '' ? {} : { value }), effect }) as Taint);
  const verb =
    overwrite || (add.length > 0 && remove.length > 0) ? 'modified' : add.length > 0 ? 'tainted' : 'untainted';
  return { taints: [...added, ...kept], verb };
}

const notThere = ({ key, effect }: Change): Error =>
  new Error(`taint "${effect === '' ? key : `${key}:${effect}`}" not found`);
