import { afterAll, describe, expect, it } from 'vitest';
import { createLuaPool, LuaError } from './pool.ts';

const pool = createLuaPool();
afterAll(() => pool.close());

async function run(body: string, args: unknown[] = [], references?: unknown[]): Promise<unknown> {
  const script = `function F(a, b) ${body} end`;
  const request = { chunk: 'test', script, function: 'F', args, results: 1 };
  return (await pool.call(references === undefined ? request : { ...request, references }))[0];
}

async function failure(body: string): Promise<LuaError> {
  const error = await run(body).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LuaError);
  return error as LuaError;
}

describe('a Lua thread', () => {
  it('starts with the first question only', async () => {
    const other = createLuaPool();
    expect(other.size).toBe(0);
    await other.compile('x', 'return 1');
    expect(other.size).toBe(1);
    await other.close();
    expect(other.size).toBe(0);
  });

  it.each<[string, string, unknown]>([
    ['division is exact', 'return 10 / 2', 5],
    [
      'numbers print as in upstream',
      'return tostring(10 / 2) .. "," .. 3 .. "," .. 0.1 .. "," .. 2^53 .. "," .. 1/3',
      '5,3,0.1,9007199254740992,0.3333333333333333',
    ],
    [
      'rare numbers, too',
      'return tostring(-0.0) .. "," .. 0.00001 .. "," .. 1e20 .. "," .. 1e21 .. "," .. 1/0 .. "," .. tostring(-1/0) .. "," .. tostring(0/0)',
      '0,1e-05,100000000000000000000,1e+21,+Inf,-Inf,NaN',
    ],
    ['numbers do not wrap at 32 bits', 'local n = 2147483647 n = n + 1 return n * math.floor(2)', 4294967296],
    ['lengths are numbers like others', 'local t = {1, 2, 3} return #t * 1000000000 * #"abcd"', 12000000000],
    ['names of 5.1', 'return table.getn({1, 2}) + math.pow(2, 3) + select("#", unpack({1, 2, 3}))', 13],
    ['format takes large numbers', 'return string.format("%d %s %5.1f %%", 5000000000, 7, 2)', '5000000000 7   2.0 %'],
    [
      'loops count',
      'local s = 0 for i = 1, 10 do s = s + i end for i, v in ipairs({5, 6}) do s = s + i * v end return s',
      72,
    ],
    ['methods of strings', 'return ("abc"):upper():sub(2)', 'BC'],
    ['find', 'return ({string.find("hello", "l+")})[2]', 4],
    [
      'absent libraries',
      'return tostring(io) .. tostring(os) .. tostring(coroutine) .. tostring(debug)',
      'nilnilnilnil',
    ],
    ['nil', 'return nil', null],
  ])('%s', async (_, body, expected) => {
    expect(await run(body)).toEqual(expected);
  });

  it.each<[string, string, string]>([
    ['a run-time error names the line', '\nreturn a.b.c', "test:2: attempt to index a nil value (local 'a')"],
    [
      'loadstring',
      'return loadstring("x")',
      'call function loadstring is not supported in karmada customized resourceinterpreter.',
    ],
    [
      'setmetatable',
      'return setmetatable({}, {})',
      'call function setmetatable is not supported in karmada customized resourceinterpreter.',
    ],
    ['string.rep', 'return ("x"):rep(9)', 'The Lua function string.rep is not supported by Karmada. If you'],
    ['modules', 'return require("os")', 'module os not found'],
    ['a mixed table', 'return {1, x = 2}', 'a table of the result is both a list and an object'],
    ['a function', 'return {x = print}', 'a value of the result is neither table, string, number nor boolean'],
    ['a cycle', 'local t = {} t.t = t return t', 'the result is nested more than 128 deep'],
  ])('refuses: %s', async (_, body, message) => {
    expect((await failure(body)).message).toContain(message);
  });

  it('says which function is missing', async () => {
    const ask = (script: string) =>
      pool.call({ chunk: 'c', script, function: 'F', args: [], results: 1 }).catch((e: Error) => e.message);
    expect(await ask('x = 1')).toBe('not found function F');
    expect(await ask('F = 1')).toBe('F is not a function: number');
    expect(await ask('F =')).toMatch(/^c:1: unexpected symbol near <eof>/);
    await expect(pool.compile('c', 'function F( end')).rejects.toThrow("expected near 'end'");
  });

  it('keeps nothing of one call for the next', async () => {
    const body = 'local before = leaked leaked = 1 string.find = nil a.x.y = 2 return tostring(before)';
    expect(await run(body, [{ x: {} }])).toBe('nil');
    expect(await run(body, [{ x: {} }])).toBe('nil');
    expect(await run('return string.find("ab", "b")')).toBe(2);
  });

  it('restores empty lists and objects from the input, and leaves other empty tables out', async () => {
    const object = { spec: { list: [], map: {}, nested: [{ args: [] }], gone: null }, status: {} };
    expect(await run('a.spec.new = {} return a', [object], [object])).toEqual({
      spec: { list: [], map: {}, nested: [{ args: [] }] },
      status: {},
    });
    expect(await run('return {conditions = {}, n = 1}')).toEqual({ n: 1 });
    expect(await run('return {}')).toEqual([]);
    expect(await run('return {}', [{}], [{}])).toEqual({});
  });

  it('offers the kube library', async () => {
    const pod = {
      spec: {
        containers: [
          { name: 'c', resources: { requests: { cpu: '100m' } }, envFrom: [{ configMapRef: { name: 'cm' } }] },
        ],
      },
    };
    expect(
      await run(
        `local kube = require("kube")
        return { sum = kube.resourceAdd("1Gi", nil, "1Gi"), needs = kube.accuratePodRequirements(a), deps = kube.getPodDependencies(a, "ns"),
          bytes = kube.getResourceQuantity("1.5Gi"), wrong = select(2, pcall(kube.resourceAdd, 1)) }`,
        [pod],
      ),
    ).toEqual({
      sum: '2Gi',
      needs: { resourceRequest: { cpu: '100m' } },
      deps: [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns', name: 'cm' }],
      bytes: 1610612736,
      wrong: 'bad argument #1: string expected, got number',
    });
  });
});

describe('limits', () => {
  it.each<[string, string, string[]]>([
    ['a loop', 'while true do end', ['time', 'instructions']],
    [
      'endless recursion',
      'local function r() return 1 + r() end while true do pcall(r) end',
      ['time', 'instructions', 'memory'],
    ],
    [
      'a loop inside pcall inside a loop',
      'while true do pcall(function() while true do end end) end',
      ['time', 'instructions'],
    ],
    [
      'a loop inside xpcall',
      'while true do xpcall(function() while true do end end, function() while true do end end) end',
      ['time', 'instructions'],
    ],
    ['strings that grow', 'local s = "x" while true do s = s .. s end', ['memory']],
    ['strings that grow, shielded', 'local s = "x" while true do pcall(function() s = s .. s end) end', ['memory']],
    ['tables that grow', 'local t = {} for i = 1, 1e9 do t[i] = {i} end', ['memory', 'time']],
    [
      'tables that grow, shielded',
      'local t = {} while true do pcall(function() t[#t + 1] = {} end) end',
      ['memory', 'time', 'instructions'],
    ],
    ['closures that grow', 'local f for i = 1, 1e9 do local g = f f = function() return g end end', ['memory', 'time']],
    [
      'a search that backtracks for ever',
      'local s = "" for i = 1, 16 do s = s .. "aaaa" end return s:find("a*a*a*a*a*a*a*a*a*a*b")',
      ['time'],
    ],
    [
      'a large concatenation',
      'local t = {} for i = 1, 900 do t[i] = "0123456789" end local s = table.concat(t) for i = 1, 900 do t[i] = s end s = table.concat(t) for i = 1, 900 do t[i] = s end return #table.concat(t)',
      ['memory'],
    ],
  ])('stop %s', async (_, body, limits) => {
    expect(limits).toContain((await failure(body)).limit);
    expect(await run('return 1')).toBe(1);
  });

  it('bound what is told of an error', async () => {
    const error = await failure('local s = "x" for i = 1, 11 do s = s .. s end error(s)');
    expect(error.message).toHaveLength(1000);
  });

  it('let customizations take turns', async () => {
    const order: string[] = [];
    const ask = async (chunk: string) => {
      await pool.call({ chunk, script: 'function F() return 1 end', function: 'F', args: [], results: 1 });
      order.push(chunk);
    };
    await Promise.all(['slow', 'slow', 'slow', 'slow', 'other', 'third'].map(ask));
    expect(order).toEqual(['slow', 'slow', 'other', 'third', 'slow', 'slow']);
  });

  it('bound what waits', async () => {
    const small = createLuaPool({ queue: 2 });
    const call = () =>
      small.call({ chunk: 'c', script: 'function F() return 1 end', function: 'F', args: [], results: 1 });
    const calls = [call(), call(), call(), call()];
    const settled = await Promise.allSettled(calls);
    expect(settled.map((each) => each.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    await small.close();
  });
});
