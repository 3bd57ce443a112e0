/** The libraries of a script: base, table, string and math of Lua 5.1 without what could leave the sandbox, and `kube`. */
import { formatNumber } from './budget.ts';
import type { LuaApi, LuaState, NativeFunction } from './fengari-types.ts';
import type { Converter } from './json.ts';
import type { Fengari } from './vm.ts';

/** Takes the arguments as JSON values and returns the result. An error it throws becomes a Lua error. */
export type LibraryFunction = (args: unknown[]) => unknown;

const base = ['assert', 'error', 'ipairs', 'next', 'pairs', 'pcall', 'select', 'tonumber', 'type', 'xpcall'];
const forbidden = [
  'collectgarbage',
  'dofile',
  'getfenv',
  'getmetatable',
  'load',
  'loadfile',
  'loadstring',
  'rawequal',
  'rawget',
  'rawset',
  'setfenv',
  'setmetatable',
  'module',
  'newproxy',
];
const strings = ['byte', 'char', 'find', 'format', 'len', 'lower', 'match', 'reverse', 'sub', 'upper'];
const unboundedStrings = ['gsub', 'rep', 'dump'];
const tables = ['concat', 'insert', 'remove', 'sort'];
const maths = [
  ...['abs', 'acos', 'asin', 'atan', 'ceil', 'cos', 'deg', 'exp', 'floor', 'fmod', 'huge', 'log', 'max', 'min', 'modf'],
  ...['pi', 'rad', 'random', 'randomseed', 'sin', 'sqrt', 'tan'],
];
const maxText = 1_000_000;
const maxUnpacked = 10_000;

/** Opens the libraries in a new state and keeps the template of the environment in the registry. */
export function prepareLibraries(
  fengari: Fengari,
  state: LuaState,
  converter: Converter,
  kube: Readonly<Record<string, LibraryFunction>>,
): void {
  const { lua, lauxlib, lualib, to_luastring: bytes, to_jsstring: text } = fengari;
  const set = (name: string): void => lua.lua_setfield(state, -2, bytes(name));
  const raise =
    (message: string): NativeFunction =>
    (at) =>
      lauxlib.luaL_error(at, bytes(message));
  const native = (name: string, fn: NativeFunction): void => {
    lua.lua_pushcfunction(state, fn);
    set(name);
  };
  const unary = (name: string, fn: (value: number) => number): void =>
    native(name, (at) => {
      lua.lua_pushnumber(at, fn(lua.lua_tonumber(at, 1)));
      return 1;
    });
  /** The library stays on the stack as `from`; the table being made is above it. */
  const pick = (from: number, names: readonly string[]): void => {
    for (const name of names) {
      lua.lua_getfield(state, from, bytes(name));
      set(name);
    }
  };
  const library = (name: string, open: NativeFunction): number => {
    lauxlib.luaL_requiref(state, bytes(name), open, false);
    return lua.lua_gettop(state);
  };

  const baseLibrary = library('_G', lualib.luaopen_base);
  const stringLibrary = library('string', lualib.luaopen_string);
  boundStrings(fengari, state, stringLibrary);
  const tableLibrary = library('table', lualib.luaopen_table);
  const mathLibrary = library('math', lualib.luaopen_math);

  lua.lua_createtable(state, 0, 0);
  pick(baseLibrary, base);
  for (const name of forbidden)
    native(name, raise(`call function ${name} is not supported in karmada customized resourceinterpreter.`));
  native('print', () => 0);
  lua.lua_getfield(state, baseLibrary, bytes('tostring'));
  native('tostring', numberToText(fengari, lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX)));
  native('unpack', unpack(fengari));
  pushText(lua, state, bytes('Lua 5.1'));
  set('_VERSION');

  lua.lua_createtable(state, 0, 0);
  pick(stringLibrary, strings);
  pick(stringLibrary, unboundedStrings);
  set('string');

  lua.lua_createtable(state, 0, 0);
  pick(tableLibrary, tables);
  native('getn', (at) => {
    lua.lua_pushnumber(at, lua.lua_rawlen(at, 1));
    return 1;
  });
  native('maxn', maxn(lua));
  set('table');

  lua.lua_createtable(state, 0, 0);
  pick(mathLibrary, maths);
  unary('cosh', Math.cosh);
  unary('sinh', Math.sinh);
  unary('tanh', Math.tanh);
  unary('log10', Math.log10);
  const binary = (name: string, fn: (a: number, b: number) => number): void =>
    native(name, (at) => {
      lua.lua_pushnumber(at, fn(lua.lua_tonumber(at, 1), lua.lua_tonumber(at, 2)));
      return 1;
    });
  binary('pow', Math.pow);
  binary('atan2', Math.atan2);
  binary('mod', (a, b) => a % b);
  binary('ldexp', (a, b) => a * 2 ** b);
  native('frexp', (at) => {
    const value = lua.lua_tonumber(at, 1);
    const exponent = value === 0 || !Number.isFinite(value) ? 0 : Math.floor(Math.log2(Math.abs(value))) + 1;
    lua.lua_pushnumber(at, value / 2 ** exponent);
    lua.lua_pushnumber(at, exponent);
    return 2;
  });
  set('math');

  lua.lua_createtable(state, 0, 0);
  for (const [name, fn] of Object.entries(kube)) native(name, bridge(fengari, converter, fn));
  lua.lua_setfield(state, lua.LUA_REGISTRYINDEX, bytes('karmada.kube'));
  native('require', (at) => {
    const name = lua.lua_tostring(at, 1);
    if (name !== null && ['kube', 'string', 'table', 'math'].includes(text(name))) {
      const isKube = text(name) === 'kube';
      lua.lua_getfield(at, lua.LUA_REGISTRYINDEX, bytes(isKube ? 'karmada.kube' : 'karmada.environment'));
      if (isKube) return 1;
      lua.lua_getfield(at, -1, name);
      return 1;
    }
    return lauxlib.luaL_error(at, bytes(`module ${name === null ? '?' : text(name)} not found`));
  });
  lua.lua_setfield(state, lua.LUA_REGISTRYINDEX, bytes('karmada.environment'));
  lua.lua_settop(state, 0);
}

/** In the original table, which is also what `("text"):upper()` looks in. */
function boundStrings(fengari: Fengari, state: LuaState, library: number): void {
  const { lua, lauxlib, to_luastring: bytes } = fengari;
  for (const name of strings) {
    lua.lua_getfield(state, library, bytes(name));
    const original = lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX);
    lua.lua_pushcfunction(state, (at) => {
      const count = lua.lua_gettop(at);
      for (let i = 1; i <= count; i++)
        if (lua.lua_type(at, i) === lua.LUA_TSTRING && lua.lua_rawlen(at, i) > maxText)
          lauxlib.luaL_error(at, bytes(`the length of string parameter exceeds the limit of ${maxText} characters`));
      lua.lua_rawgeti(at, lua.LUA_REGISTRYINDEX, original);
      if (name === 'format') pushFormatArguments(fengari, at, count);
      else for (let i = 1; i <= count; i++) lua.lua_pushvalue(at, i);
      lua.lua_call(at, count, -1);
      return lua.lua_gettop(at) - count;
    });
    lua.lua_setfield(state, library, bytes(name));
  }
  for (const name of unboundedStrings) {
    const message = `The Lua function string.${name} is not supported by Karmada. If you believe this function is essential for your use case, please submit an issue to let us know why you need it.`;
    lua.lua_pushcfunction(state, (at) => lauxlib.luaL_error(at, bytes(message)));
    lua.lua_setfield(state, library, bytes(name));
  }
}

/** `%d` takes any number, as 5.1 does (fengari: 32 bits); `%s` shows numbers as 5.1 does. */
function pushFormatArguments(
  { lua, to_luastring: bytes, to_jsstring: text }: Fengari,
  at: LuaState,
  count: number,
): void {
  const format = lua.lua_tostring(at, 1);
  const conversions: string[] = [];
  const adapted = text(format ?? new Uint8Array()).replace(
    /%([-+ #0]*\d*(?:\.\d*)?)([A-Za-z%])/g,
    (whole, flags: string, conversion: string) => {
      if (conversion === '%') return whole;
      conversions.push(conversion);
      return conversion === 'd' || conversion === 'i' ? `%${flags.replace(/\..*$/, '')}.0f` : whole;
    },
  );
  if (format === null) lua.lua_pushvalue(at, 1);
  else pushText(lua, at, bytes(adapted));
  for (let i = 2; i <= count; i++) {
    const conversion = conversions[i - 2] ?? '';
    const isNumber = lua.lua_type(at, i) === lua.LUA_TNUMBER;
    if (isNumber && 'di'.includes(conversion) && conversion !== '')
      lua.lua_pushnumber(at, Math.trunc(lua.lua_tonumber(at, i)));
    else if (isNumber && conversion === 's') pushText(lua, at, bytes(formatNumber(lua.lua_tonumber(at, i))));
    else lua.lua_pushvalue(at, i);
  }
}

function pushText(lua: LuaApi, at: LuaState, text: Uint8Array): void {
  lua.lua_pushlstring(at, text, text.length);
}

/** Numbers as 5.1 prints them; the rest is left to the library. */
function numberToText({ lua, to_luastring: bytes }: Fengari, original: number): NativeFunction {
  return (at) => {
    if (lua.lua_type(at, 1) === lua.LUA_TNUMBER) {
      pushText(lua, at, bytes(formatNumber(lua.lua_tonumber(at, 1))));
      return 1;
    }
    const count = lua.lua_gettop(at);
    lua.lua_rawgeti(at, lua.LUA_REGISTRYINDEX, original);
    for (let i = 1; i <= count; i++) lua.lua_pushvalue(at, i);
    lua.lua_call(at, count, 1);
    return 1;
  };
}

function unpack({ lua, lauxlib, to_luastring: bytes }: Fengari): NativeFunction {
  return (at) => {
    const first = lua.lua_type(at, 2) === lua.LUA_TNUMBER ? lua.lua_tonumber(at, 2) : 1;
    const last = lua.lua_type(at, 3) === lua.LUA_TNUMBER ? lua.lua_tonumber(at, 3) : lua.lua_rawlen(at, 1);
    const count = Math.max(0, last - first + 1);
    if (lua.lua_type(at, 1) !== lua.LUA_TTABLE) lauxlib.luaL_error(at, bytes('unpack expects a table'));
    if (!(count <= maxUnpacked) || !lua.lua_checkstack(at, count))
      lauxlib.luaL_error(at, bytes('too many results to unpack'));
    for (let i = 0; i < count; i++) lua.lua_rawgeti(at, 1, first + i);
    return count;
  };
}

function maxn(lua: LuaApi): NativeFunction {
  return (at) => {
    let largest = 0;
    lua.lua_pushnil(at);
    while (lua.lua_next(at, 1) !== 0) {
      if (lua.lua_type(at, -2) === lua.LUA_TNUMBER) largest = Math.max(largest, lua.lua_tonumber(at, -2));
      lua.lua_pop(at, 1);
    }
    lua.lua_pushnumber(at, largest);
    return 1;
  };
}

function bridge(
  { lua, lauxlib, to_luastring: bytes }: Fengari,
  converter: Converter,
  fn: LibraryFunction,
): NativeFunction {
  return (at) => {
    const args: unknown[] = [];
    let message = '';
    try {
      for (let i = 1; i <= lua.lua_gettop(at); i++) args.push(converter.read(at, i));
      converter.push(at, fn(args));
      return 1;
    } catch (error) {
      // An error of Lua itself (a limit was passed) is not ours to translate.
      if (!(error instanceof Error)) throw error;
      message = error.message;
    }
    return lauxlib.luaL_error(at, bytes(message));
  };
}
