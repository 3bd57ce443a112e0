/**
 * Profiles of V8 in the format of pprof (github.com/google/pprof, proto/profile.proto), uncompressed: `go tool pprof` and the like read
 * them. Pure.
 */

import protobuf, { type Writer as ProtobufWriter } from 'protobufjs/minimal.js';

const { Writer } = protobuf;

/** Of the inspector: Profiler.Profile. Times in microseconds. */
export interface CpuProfile {
  nodes: readonly CpuNode[];
  startTime: number;
  endTime: number;
  samples?: readonly number[];
  timeDeltas?: readonly number[];
}

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

interface CpuNode {
  id: number;
  callFrame: CallFrame;
  children?: readonly number[];
}

/** Of the inspector: HeapProfiler.SamplingHeapProfileNode. */
export interface HeapNode {
  callFrame: CallFrame;
  selfSize: number;
  children: readonly HeapNode[];
}

interface Sample {
  /** The leaf first. */
  stack: readonly CallFrame[];
  values: readonly number[];
}

type ValueType = readonly [type: string, unit: string];

/** `startedAt`: ms since the epoch. */
export function cpuPprof(profile: CpuProfile, startedAt: number): Buffer {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const counts = new Map<number, [count: number, micros: number]>();
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const sum = counts.get(id) ?? [0, 0];
    counts.set(id, [sum[0] + 1, sum[1] + Math.max(0, profile.timeDeltas?.[at] ?? 0)]);
  }
  const stackOf = (id: number): CallFrame[] => {
    const stack: CallFrame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = nodes.get(at)?.callFrame;
      if (frame !== undefined && frame.functionName !== '(root)') stack.push(frame);
    }
    return stack;
  };
  // What nobody did is no work: Go's profiles have no idle time either.
  const samples = [...counts]
    .filter(([id]) => nodes.get(id)?.callFrame.functionName !== '(idle)')
    .map(([id, [count, micros]]) => ({ stack: stackOf(id), values: [count, micros * 1000] }));
  return encodeProfile(samples, {
    types: [
      ['samples', 'count'],
      ['cpu', 'nanoseconds'],
    ],
    startedAt,
    durationMs: (profile.endTime - profile.startTime) / 1000,
  });
}

/** What is still alive of what was allocated since sampling began. */
export function heapPprof(head: HeapNode, now: number): Buffer {
  const samples: Sample[] = [];
  const walk = (node: HeapNode, above: readonly CallFrame[]): void => {
    const stack = node.callFrame.functionName === '(root)' ? above : [node.callFrame, ...above];
    if (node.selfSize > 0) samples.push({ stack, values: [node.selfSize] });
    for (const child of node.children) walk(child, stack);
  };
  walk(head, []);
  return encodeProfile(samples, { types: [['inuse_space', 'bytes']], startedAt: now, durationMs: 0 });
}

function encodeProfile(
  samples: readonly Sample[],
  about: { types: readonly ValueType[]; startedAt: number; durationMs: number },
): Buffer {
  const writer = Writer.create();
  const strings = new Map([['', 0]]);
  const text = (value: string): number => idOf(strings, value, 0);
  const locations = new Map<string, number>();
  const bytesOf = (field: number): ProtobufWriter => writer.uint32((field << 3) | 2);
  const valueType = (field: number, [type, unit]: ValueType): void => {
    bytesOf(field).fork().uint32(8).int64(text(type)).uint32(16).int64(text(unit)).ldelim();
  };
  /** Of a Location, which is written with its Function when it is met first. */
  const locationOf = ({ functionName, url, lineNumber }: CallFrame): number => {
    const known = locations.size;
    const id = idOf(locations, `${functionName}|${url}|${lineNumber}`, 1);
    if (locations.size === known) return id;
    const line = lineNumber + 1;
    const name = text(functionName || '(anonymous)');
    const place = bytesOf(5).fork().uint32(8).uint64(id).uint32(16).int64(name).uint32(24).int64(name);
    place.uint32(32).int64(text(url)).uint32(40).int64(line).ldelim();
    bytesOf(4).fork().uint32(8).uint64(id);
    bytesOf(4).fork().uint32(8).uint64(id).uint32(16).int64(line).ldelim().ldelim();
    return id;
  };
  for (const type of about.types) valueType(1, type);
  for (const { stack, values } of samples) {
    const ids = stack.map(locationOf);
    bytesOf(2).fork();
    bytesOf(1).fork();
    for (const id of ids) writer.uint64(id);
    writer.ldelim();
    bytesOf(2).fork();
    for (const value of values) writer.int64(Math.round(value));
    writer.ldelim().ldelim();
  }
  writer.uint32(72).int64(Math.round(about.startedAt * 1e6));
  writer.uint32(80).int64(Math.round(about.durationMs * 1e6));
  valueType(11, about.types.at(-1) ?? ['', '']);
  for (const value of strings.keys()) bytesOf(6).string(value);
  return Buffer.from(writer.finish());
}

/** Numbers from `first` on, in the order in which the keys are met. */
function idOf(ids: Map<string, number>, key: string, first: number): number {
  const known = ids.get(key);
  if (known !== undefined) return known;
  const id = ids.size + first;
  ids.set(key, id);
  return id;
}
