/**
 * Where a server spends its time: a profile of a running process, taken through its inspector and summed by stage of a request.
 * A sample belongs to the stage of the innermost of its frames that has one; `with callees` counts every sample that has the stage
 * anywhere on its stack. Modules of a bundle are told by the comments that esbuild writes before each of them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

interface Frame {
  functionName: string;
  url: string;
  lineNumber: number;
}

export interface Profile {
  nodes: readonly { id: number; callFrame: Frame; children?: readonly number[] }[];
  samples: readonly number[];
  /** Microseconds between samples. */
  timeDeltas: readonly number[];
}

export interface Inspector {
  /** User and system time of the process so far. */
  processorMicroseconds(): Promise<number>;
  startProfile(): Promise<void>;
  stopProfile(): Promise<Profile>;
  close(): void;
}

export async function openInspector(url: string): Promise<Inspector> {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 2 ** 28 });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const waiting = new Map<number, (result: unknown) => void>();
  let last = 0;
  socket.on('message', (data) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  const call = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve) => {
      waiting.set(++last, (result) => resolve(result as T));
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  const expression = '(() => { const { user, system } = process.cpuUsage(); return user + system; })()';
  return {
    async processorMicroseconds() {
      return (await call<{ result: { value: number } }>('Runtime.evaluate', { expression })).result.value;
    },
    async startProfile() {
      await call('Profiler.enable');
      await call('Profiler.setSamplingInterval', { interval: 200 });
      await call('Profiler.start');
    },
    stopProfile: async () => (await call<{ profile: Profile }>('Profiler.stop')).profile,
    close: () => socket.close(),
  };
}

/** By module, then function where a module has several stages; the first that matches. */
const stageRules: readonly (readonly [stage: string, where: RegExp])[] = [
  ['garbage collection', /^#\(garbage collector\)/],
  ['tls and sockets', /^node:(internal\/)?(tls|_tls|net|stream_base|js_stream|crypto)|^node:_tls|^node:net/],
  ['http2', /^node:internal\/http2/],
  ['streams', /^node:internal\/streams|^node:stream/],
  [
    'timers, ticks, events',
    /^node:(internal\/(process|timers|event|abort|async|util)|events|async_hooks|timers|diagnostics)/,
  ],
  ['buffers, urls', /^node:(buffer|internal\/(buffer|url|querystring|crypto|encoding|util))/],
  ['authentication', /^src\/apiserver\/authentication/],
  ['authorization', /^src\/apiserver\/authorization/],
  ['flow control', /^src\/apiserver\/flow-control/],
  ['request info, negotiation', /^src\/apiserver\/(request-info|negotiation)/],
  ['metrics', /^src\/apiserver\/(metrics|request-tally)/],
  ['audit', /^src\/apiserver\/audit/],
  ['listener', /^src\/apiserver\/listener/],
  ['pipeline, router', /^src\/apiserver\/(pipeline|router|encoding)/],
  ['duplicate keys, depth', /^src\/apiserver\/json-/],
  ['types, unknown fields', /^src\/apimachinery\/schema\/(type-check|prune)|^src\/kubernetes\/typed-form/],
  ['decoding', /^src\/apiserver\/decoding/],
  ['patches', /^src\/apimachinery\/patch|^src\/apiserver\/endpoints\/(patch|apply)/],
  ['field owners', /^src\/apimachinery\/apply|^src\/apiserver\/registry\/(tracking|foreign-owners)/],
  ['clones', /^src\/apimachinery\/object\.ts#cloneJson/],
  ['comparisons', /^src\/apimachinery\/object\.ts#deepEqual|^src\/apiserver\/registry\/write-checks/],
  ['schema checks, defaults', /^src\/apimachinery\/schema|^src\/apiserver\/custom-resources/],
  ['admission', /^src\/apiserver\/(admission|registry\/admission)|^src\/karmada-admission/],
  ['kinds (defaults, validation)', /^src\/kubernetes/],
  ['metadata, strategy', /^src\/apiserver\/registry\/(object-meta|strategy|settle)|^src\/apimachinery\/names/],
  ['encoding for the store', /^src\/apiserver\/registry\/(object-size|stored-object)/],
  [
    'watch cache, watches',
    /^src\/apiserver\/(registry\/(watch-cache|store-feed|selection)|endpoints\/(watch|frame|converted))/,
  ],
  ['registry', /^src\/apiserver\/registry/],
  ['endpoints', /^src\/apiserver\/endpoints/],
  ['store', /^src\/storage|lmdb/],
  ['outside of JavaScript', /^#\(program\)/],
];

/** Shares of `total` (µs of processor time for a request): a profile knows elapsed time only. */
export function printStages(title: string, { nodes, samples, timeDeltas }: Profile, total: number): void {
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  const where = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const stagesOf = new Map<number, string[]>();
  const stack = (id: number): string[] => {
    let found = stagesOf.get(id);
    if (found === undefined) {
      const parent = parents.get(id);
      const outer = parent === undefined ? [] : stack(parent);
      const stage = stageRules.find(([, pattern]) => pattern.test(where.get(id) ?? ''))?.[0];
      found = stage === undefined ? outer : [stage, ...outer.filter((other) => other !== stage)];
      stagesOf.set(id, found);
    }
    return found;
  };
  const self = new Map<string, number>();
  const inclusive = new Map<string, number>();
  const functions = new Map<string, number>();
  const add = (sums: Map<string, number>, key: string, amount: number): unknown =>
    sums.set(key, (sums.get(key) ?? 0) + amount);
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id));
  const taken = (id: number, i: number): number => (idle.has(id) ? 0 : (timeDeltas[i + 1] ?? 0));
  const busy = samples.reduce((sum, id, i) => sum + taken(id, i), 0);
  samples.forEach((id, i) => {
    const amount = (taken(id, i) / busy) * total;
    if (amount === 0) return;
    const chain = stack(id);
    add(self, chain[0] ?? 'other', amount);
    for (const stage of chain) add(inclusive, stage, amount);
    add(functions, where.get(id) ?? '', amount);
  });
  const sorted = (sums: Map<string, number>) => [...sums].sort((a, b) => b[1] - a[1]).filter(([, sum]) => sum >= 2);
  console.log(`\n${title}: µs a request, self and with callees`);
  for (const [stage, sum] of sorted(self))
    console.log(`${sum.toFixed(0).padStart(6)} ${(inclusive.get(stage) ?? 0).toFixed(0).padStart(6)}  ${stage}`);
  console.log('functions, self:');
  for (const [name, sum] of sorted(functions).slice(0, 40)) console.log(`${sum.toFixed(1).padStart(6)}  ${name}`);
}

const modules = new Map<string, readonly string[]>();

/** `src/apiserver/pipeline.ts#serve`; `#(program)` for what has no file. */
function placeOf({ functionName, url, lineNumber }: Frame): string {
  if (!url.startsWith('file:')) return `${url}#${functionName}`;
  let lines = modules.get(url);
  if (lines === undefined) {
    let current = '';
    lines = readFileSync(fileURLToPath(url), 'utf8')
      .split('\n')
      .map((line) => {
        current = /^\s*\/\/ ((?:src|node_modules)\/\S+)$/.exec(line)?.[1] ?? current;
        return current;
      });
    modules.set(url, lines);
  }
  return `${lines[lineNumber] || url}#${functionName}`;
}
