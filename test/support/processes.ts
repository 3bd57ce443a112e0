/** Processes of a test's own environment, found below its supervisor: never by name alone. */
import { readdirSync, readFileSync } from 'node:fs';

export interface EnvironmentProcess {
  pid: number;
  /** `karmada-apiserver`, `kubelite member1`, … */
  name: string;
}

export function environmentProcesses(karmadaHome: string): EnvironmentProcess[] {
  const supervisor: { pid: number } = JSON.parse(readFileSync(`${karmadaHome}/supervisor.json`, 'utf8'));
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const belongs = (pid: number): boolean => pid === supervisor.pid || (pid > 1 && belongs(parents.get(pid) ?? 0));
  return [...parents.keys()]
    .filter(belongs)
    .map((pid) => ({ pid, name: pid === supervisor.pid ? 'supervisor' : nameOf(pid) }));
}

export function processOf(karmadaHome: string, name: string): EnvironmentProcess {
  const all = environmentProcesses(karmadaHome);
  const found = all.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no process ${name} among ${all.map((entry) => entry.name).join(', ')}`);
  return found;
}

function nameOf(pid: number): string {
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const program = /([^/]+)\.js$/.exec(args[1] ?? '')?.[1] ?? 'node';
  const cluster = args.find((arg) => arg.startsWith('--name='))?.slice('--name='.length);
  return cluster === undefined ? program : `${program} ${cluster}`;
}
