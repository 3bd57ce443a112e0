/**
 * Profiles of V8 in the format of pprof (github.com/google/pprof, proto/profile.proto), uncompressed: `go tool pprof` and the like read
 * them. Pure.
 */

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
  const strings = new Map([['', 0]]);
  const text = (value: string): number => {
    const known = strings.get(value);
    if (known !== undefined) return known;
    strings.set(value, strings.size);
    return strings.size - 1;
  };
  const functions: Buffer[] = [];
  const locations: Buffer[] = [];
  const ids = new Map<string, number>();
  const locationOf = ({ functionName, url, lineNumber }: CallFrame): number => {
    const key = `${functionName}|${url}|${lineNumber}`;
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = ids.size + 1;
    ids.set(key, id);
    const line = lineNumber + 1;
    const name = text(functionName || '(anonymous)');
    functions.push(
      message([integer(1, id), integer(2, name), integer(3, name), integer(4, text(url)), integer(5, line)]),
    );
    locations.push(message([integer(1, id), bytes(4, message([integer(1, id), integer(2, line)]))]));
    return id;
  };
  const valueType = ([type, unit]: ValueType): Buffer => message([integer(1, text(type)), integer(2, text(unit))]);
  const types = about.types.map((type) => bytes(1, valueType(type)));
  const encoded = samples.map(({ stack, values }) =>
    bytes(2, message([packed(1, stack.map(locationOf)), packed(2, values)])),
  );
  const period = bytes(11, valueType(about.types.at(-1) ?? ['', '']));
  return message([
    ...types,
    ...encoded,
    ...locations.map((location) => bytes(4, location)),
    ...functions.map((one) => bytes(5, one)),
    ...[...strings.keys()].map((value) => bytes(6, Buffer.from(value))),
    integer(9, about.startedAt * 1e6),
    integer(10, about.durationMs * 1e6),
    period,
  ]);
}

const message = (fields: readonly Buffer[]): Buffer => Buffer.concat(fields);
const integer = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field: number, value: Buffer): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
const packed = (field: number, values: readonly number[]): Buffer => bytes(field, Buffer.concat(values.map(varint)));

/** Of whole numbers from zero on. */
function varint(value: number): Buffer {
  const found: number[] = [];
  let rest = BigInt(Math.round(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    found.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(found);
}
