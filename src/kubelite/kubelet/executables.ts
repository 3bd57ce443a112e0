/** What a process pod may run: this project's own components, by name, from this project's own build folder. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReadablePod } from './runtime.ts';

const executableNames: readonly string[] = [
  'karmada-apiserver',
  'kube-controller-manager',
  'karmada-controller-manager',
  'karmada-scheduler',
  'karmada-scheduler-estimator',
  'karmada-descheduler',
  'karmada-aggregated-apiserver',
  'karmada-webhook',
  'karmada-agent',
];

/** As bin/karmada-agent starts it: it shares a member’s nodes with workloads, and takes half the memory this way, for a quarter more time. */
const nodeFlags: Readonly<Record<string, readonly string[]>> = {
  'karmada-agent': ['--max-semi-space-size=2', '--optimize-for-size'],
};

type Container = NonNullable<ReadablePod['spec']>['containers'][number];

/** Name of the executable, Node's flags before it and the arguments that follow it; undefined when it is none of ours. */
export function executableOf(
  container: Container,
): { name: string; nodeFlags: readonly string[]; args: readonly string[] } | undefined {
  const command = container.command ?? [];
  const name = command.length > 0 ? baseName(command[0] ?? '') : imageBaseName(container.image ?? '');
  if (!executableNames.includes(name)) return undefined;
  return { name, nodeFlags: nodeFlags[name] ?? [], args: [...command.slice(1), ...(container.args ?? [])] };
}

/** Why an image cannot be had. */
export function unknownExecutable(container: Container): string {
  const asked = container.command?.[0] ?? container.image ?? '';
  return `${JSON.stringify(asked)} is not one of the executables that the process runtime runs: ${executableNames.join(', ')}`;
}

/** The folder of the built executables, looked for upwards from this file; throws when there is none. */
export function findExecutablesDirectory(from = dirname(fileURLToPath(import.meta.url))): string {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const candidate of [join(folder, 'cmd'), join(folder, 'dist', 'cmd')])
      if (executableNames.some((name) => existsSync(join(candidate, `${name}.js`)))) return candidate;
    if (dirname(folder) === folder) break;
  }
  throw new Error(`no built executables found from ${from} upwards: run "npm run build"`);
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const imageBaseName = (image: string): string => baseName(image).replace(/[:@].*$/, '');
