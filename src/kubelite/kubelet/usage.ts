/** What containers use: declared by annotations for simulated ones, read from /proc for processes. */
import { readFileSync } from 'node:fs';
import { formatQuantity, parseQuantity, tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { ReadablePod } from './runtime.ts';

export interface Usage {
  /** Billionths of a CPU. */
  cpuNano: bigint;
  memoryBytes: bigint;
}

const giga = 1_000_000_000n;
/** A container that declares nothing. */
const defaultUsage = { cpu: '5m', memory: '10Mi' };

/**
 * `kubelite/cpu` and `kubelite/memory`, or `kubelite/cpu.<container>`. Read at each look, so that load can be made and taken
 * away on a running pod. An unreadable value counts as absent.
 */
export function declaredUsage(pod: ReadablePod, container: string): Usage {
  const annotations = pod.metadata.annotations ?? {};
  const read = (what: 'cpu' | 'memory'): bigint => {
    const text = annotations[`kubelite/${what}.${container}`] ?? annotations[`kubelite/${what}`];
    const declared = tryParseQuantity(text);
    return declared !== undefined && declared.nano >= 0n ? declared.nano : parseQuantity(defaultUsage[what]).nano;
  };
  return { cpuNano: read('cpu'), memoryBytes: read('memory') / giga };
}

/** `{cpu: "5m", memory: "10240Ki"}`: CPU in the largest unit that loses nothing, memory in Ki, as metrics-server says it. */
export function usageList({ cpuNano, memoryBytes }: Usage): { cpu: string; memory: string } {
  return { cpu: formatQuantity({ nano: cpuNano, format: 'DecimalSI' }), memory: `${memoryBytes / 1024n}Ki` };
}

export const addUsage = (a: Usage, b: Usage): Usage => ({
  cpuNano: a.cpuNano + b.cpuNano,
  memoryBytes: a.memoryBytes + b.memoryBytes,
});

/** USER_HZ: fixed on Linux. */
const ticksPerSecond = 100;
/** Shorter spans say too little about a rate: the span before is looked at once more. */
const shortestSpanMs = 1000;

export interface ProcessMeter {
  /** CPU since the last look but one second at least, at the first look since the start; resident memory. undefined: it is gone. */
  read(pid: number, startedAt: number, now: number): Usage | undefined;
}

/** Reads /proc/<pid> (proc(5)) of one process; for another pid it begins anew. */
export function createProcessMeter(): ProcessMeter {
  let from: { pid: number; ticks: number; at: number } | undefined;
  let last: { pid: number; ticks: number; at: number } | undefined;
  return {
    read(pid, startedAt, now) {
      const found = readProcess(pid);
      if (found === undefined) return undefined;
      if (last?.pid !== pid) {
        from = { pid, ticks: 0, at: startedAt };
        last = { pid, ticks: found.ticks, at: now };
      } else if (now - last.at >= shortestSpanMs) {
        from = last;
        last = { pid, ticks: found.ticks, at: now };
      }
      const begin = from ?? last;
      const seconds = Math.max(0.001, (last.at - begin.at) / 1000);
      const cores = (last.ticks - begin.ticks) / ticksPerSecond / seconds;
      return { cpuNano: BigInt(Math.round(cores * 1e9)), memoryBytes: found.memoryBytes };
    },
  };
}

function readProcess(pid: number): { ticks: number; memoryBytes: bigint } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Counted from behind the command name, which may hold spaces: utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { ticks: Number(fields[11]) + Number(fields[12]), memoryBytes: BigInt(resident ?? 0) * 1024n };
  } catch {
    return undefined;
  }
}
