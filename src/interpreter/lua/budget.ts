/**
 * What one run of a script may use. fengari counts nothing itself, so its parts are wrapped when a worker starts, before it is
 * loaded: every byte array (strings, concatenations, buffers), table entry and closure is charged. Memory is charged as it is
 * allocated and never given back within a run: a bound on work as much as on size.
 */

export const scriptLimits = {
  /** Milliseconds of wall clock. */
  time: 1000,
  /** Virtual machine instructions. */
  instructions: 20_000_000,
  /** Bytes allocated. */
  memory: 64 * 1024 * 1024,
};

export type Limit = keyof typeof scriptLimits;

/** Set while a script runs. */
let charge: ((bytes: number) => void) | undefined;

export function chargeTo(target: ((bytes: number) => void) | undefined): void {
  charge = target;
}

const tableBytes = 256;
const entryBytes = 128;
const closureBytes = 160;

/** Only in a thread of its own: it replaces the global Uint8Array. To be called before fengari is loaded. */
export function accountByteArrays(): void {
  const Plain = globalThis.Uint8Array;
  class AccountedBytes extends Plain {
    // biome-ignore lint/suspicious/noExplicitAny: passes on whatever its caller gave
    constructor(...args: any[]) {
      const size: unknown = args[0];
      if (charge !== undefined) charge(typeof size === 'number' ? size : 0);
      super(...(args as [number]));
    }
  }
  globalThis.Uint8Array = AccountedBytes as unknown as Uint8ArrayConstructor;
}

interface TableInternals {
  luaH_new: (...args: unknown[]) => unknown;
  luaH_setint: (table: { strong: Map<unknown, unknown> }, ...rest: unknown[]) => void;
  luaH_setfrom: (state: unknown, table: { strong: Map<unknown, unknown> }, ...rest: unknown[]) => void;
}

interface ObjectInternals {
  TValue: { prototype: { setivalue(value: number): void; setfltvalue(value: number): void } };
  luaO_str2num: (
    bytes: Uint8Array,
    into: { ttisinteger(): boolean; value: number; setfltvalue(value: number): void },
  ) => number;
  luaO_tostring: (state: unknown, value: { value: number; setsvalue(text: unknown): void }) => void;
  LClosure: new (...args: unknown[]) => object;
}

export function accountTables(internals: unknown): void {
  const table = internals as TableInternals;
  const { luaH_new, luaH_setint, luaH_setfrom } = table;
  table.luaH_new = (...args) => {
    charge?.(tableBytes);
    return luaH_new(...args);
  };
  table.luaH_setint = (target, ...rest) => {
    const before = target.strong.size;
    luaH_setint(target, ...rest);
    if (target.strong.size > before) charge?.(entryBytes);
  };
  table.luaH_setfrom = (state, target, ...rest) => {
    const before = target.strong.size;
    luaH_setfrom(state, target, ...rest);
    if (target.strong.size > before) charge?.(entryBytes);
  };
}

/** Lua 5.1 knows doubles only: integers of fengari are 32 bits wide and would wrap. */
export function useDoubles(objects: unknown, strings: unknown): void {
  const internals = objects as ObjectInternals;
  const { luaS_bless } = strings as { luaS_bless(state: unknown, bytes: Uint8Array): unknown };
  internals.TValue.prototype.setivalue = function setivalue(value) {
    this.setfltvalue(value);
  };
  const parse = internals.luaO_str2num;
  internals.luaO_str2num = (bytes, into) => {
    const read = parse(bytes, into);
    if (read > 0 && into.ttisinteger()) into.setfltvalue(into.value);
    return read;
  };
  internals.luaO_tostring = (state, value) => {
    value.setsvalue(
      luaS_bless(
        state,
        Uint8Array.from(formatNumber(value.value), (char) => char.charCodeAt(0)),
      ),
    );
  };
  const { LClosure } = internals;
  internals.LClosure = new Proxy(LClosure, {
    construct(target, args) {
      charge?.(closureBytes);
      return Reflect.construct(target, args) as object;
    },
  });
}

/** As the reference runtime (gopher-lua) prints it: whole numbers in full, others in as few digits as tell them apart. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential().replace(/-(\d)$/, '-0$1');
  return String(value);
}
