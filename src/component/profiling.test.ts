import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { cpuPprof, heapPprof } from './pprof.ts';
import { serveProfiling } from './profiling.ts';

/** The parts of pprof's profile.proto that matter here. */
const { root } = protobuf.parse(`syntax = "proto3";
message Profile { repeated ValueType sample_type = 1; repeated Sample sample = 2; repeated Location location = 4;
  repeated Function function = 5; repeated string string_table = 6; int64 time_nanos = 9; int64 duration_nanos = 10; ValueType period_type = 11; }
message ValueType { int64 type = 1; int64 unit = 2; }
message Sample { repeated uint64 location_id = 1; repeated int64 value = 2; }
message Location { uint64 id = 1; repeated Line line = 4; }
message Line { uint64 function_id = 1; int64 line = 2; }
message Function { uint64 id = 1; int64 name = 2; int64 system_name = 3; int64 filename = 4; int64 start_line = 5; }`);
const Profile = root.lookupType('Profile');

interface Decoded {
  sampleType: { type: number; unit: number }[];
  sample: { locationId: number[]; value: number[] }[];
  location: { id: number; line: { functionId: number; line: number }[] }[];
  function: { id: number; name: number; filename: number }[];
  stringTable: string[];
  durationNanos: number;
}

/** Stacks, the leaf first, with their values. */
function read(body: Uint8Array) {
  const profile = Profile.toObject(Profile.decode(body), { longs: Number, arrays: true }) as Decoded;
  const text = (at: number): string => profile.stringTable[at] ?? '?';
  const nameOf = (id: number): string => {
    const { functionId, line } = profile.location.find((one) => one.id === id)?.line[0] ?? { functionId: 0, line: 0 };
    const found = profile.function.find((one) => one.id === functionId);
    return `${text(found?.name ?? 0)} ${text(found?.filename ?? 0)}:${line}`;
  };
  return {
    types: profile.sampleType.map(({ type, unit }) => `${text(type)} ${text(unit)}`),
    samples: profile.sample.map(({ locationId, value }) => ({ stack: locationId.map(nameOf), value })),
    durationNanos: profile.durationNanos,
  };
}

const frame = (functionName: string, lineNumber = 0) => ({ functionName, url: 'a.js', lineNumber });

describe('profiles in the format of pprof', () => {
  it('of the CPU: counts and times by stack, without idle time', () => {
    const profile = {
      nodes: [
        { id: 1, callFrame: { functionName: '(root)', url: '', lineNumber: -1 }, children: [2, 4] },
        { id: 2, callFrame: frame('outer', 9), children: [3] },
        { id: 3, callFrame: frame('', 19) },
        { id: 4, callFrame: { functionName: '(idle)', url: '', lineNumber: -1 } },
      ],
      startTime: 0,
      endTime: 2_000_000,
      samples: [2, 3, 3, 4],
      timeDeltas: [1000, 2000, 3000, 500_000],
    };
    expect(read(cpuPprof(profile, 0))).toEqual({
      types: ['samples count', 'cpu nanoseconds'],
      samples: [
        { stack: ['outer a.js:10'], value: [1, 1_000_000] },
        { stack: ['(anonymous) a.js:20', 'outer a.js:10'], value: [2, 5_000_000] },
      ],
      durationNanos: 2e9,
    });
  });

  it('of the heap: bytes by stack', () => {
    const head = {
      callFrame: { functionName: '(root)', url: '', lineNumber: -1 },
      selfSize: 0,
      children: [{ callFrame: frame('keep'), selfSize: 3 * 2 ** 40, children: [] }],
    };
    expect(read(heapPprof(head, 0))).toMatchObject({
      types: ['inuse_space bytes'],
      samples: [{ stack: ['keep a.js:1'], value: [3 * 2 ** 40] }],
    });
  });
});

describe('the server of profiles', () => {
  it('profiles this process, one at a time', async () => {
    const profiling = await serveProfiling('127.0.0.1:0');
    const get = (path: string) => fetch(`http://127.0.0.1:${profiling.address.port}${path}`);
    try {
      expect(await (await get('/debug/pprof/')).text()).toContain('profile (CPU, ?seconds=30)');
      expect((await (await get('/debug/pprof/cmdline')).text()).split('\0')[0]).toBe(process.argv0);
      const first = get('/debug/pprof/profile?seconds=0.2');
      const second = await get('/debug/pprof/profile?seconds=0.2');
      const both = [await first, second].sort((a, b) => a.status - b.status);
      expect(both.map(({ status }) => status)).toEqual([200, 500]);
      expect(await both[1]?.text()).toContain('cpu profiling already in use');
      const { types } = read(new Uint8Array(await (both[0] as Response).arrayBuffer()));
      expect(types).toEqual(['samples count', 'cpu nanoseconds']);
      const heap = read(new Uint8Array(await (await get('/debug/pprof/heap')).arrayBuffer()));
      expect(heap.types).toEqual(['inuse_space bytes']);
      expect((await get('/debug/pprof/profile?seconds=0')).status).toBe(400);
      expect((await get('/debug/pprof/goroutine')).status).toBe(404);
      expect((await get('/metrics')).status).toBe(404);
    } finally {
      await profiling.stop();
    }
  });
});
