/** JSON values to Lua tables and back. An empty Lua table is an object or a list: only the input can tell. */
import type { LuaApi, LuaState } from './fengari-types.ts';

const maxDepth = 128;

export interface Converter {
  push(state: LuaState, value: unknown): void;
  /** undefined for nil. An empty table is `[]`, unless a reference tells better. @throws for what JSON cannot say */
  read(state: LuaState, index: number, references?: readonly unknown[]): unknown;
}

export function createConverter(
  lua: LuaApi,
  toBytes: (text: string) => Uint8Array,
  toText: (bytes: Uint8Array) => string,
): Converter {
  function pushText(state: LuaState, text: string): void {
    const bytes = toBytes(text);
    lua.lua_pushlstring(state, bytes, bytes.length);
  }

  function push(state: LuaState, value: unknown): void {
    if (typeof value === 'object' && value !== null) pushTable(state, value);
    else if (typeof value === 'boolean') lua.lua_pushboolean(state, value);
    else if (typeof value === 'number') lua.lua_pushnumber(state, value);
    else if (typeof value === 'string') pushText(state, value);
    else lua.lua_pushnil(state);
  }

  function pushTable(state: LuaState, value: object): void {
    lua.lua_checkstack(state, 4);
    lua.lua_createtable(state, 0, 0);
    if (Array.isArray(value)) {
      for (const [i, entry] of value.entries()) {
        push(state, entry);
        lua.lua_rawseti(state, -2, i + 1);
      }
      return;
    }
    for (const [key, entry] of Object.entries(value)) {
      if (entry === null || entry === undefined) continue;
      push(state, entry);
      lua.lua_setfield(state, -2, toBytes(key));
    }
  }

  function read(state: LuaState, index: number, references: readonly unknown[], depth: number): unknown {
    const type = lua.lua_type(state, index);
    if (type === lua.LUA_TNIL || type < 0) return undefined;
    if (type === lua.LUA_TBOOLEAN) return lua.lua_toboolean(state, index);
    if (type === lua.LUA_TSTRING) return toText(lua.lua_tostring(state, index) ?? new Uint8Array());
    if (type === lua.LUA_TNUMBER) {
      const value = lua.lua_tonumber(state, index);
      if (!Number.isFinite(value)) throw new Error('a number of the result is not finite');
      return value;
    }
    if (type !== lua.LUA_TTABLE) throw new Error('a value of the result is neither table, string, number nor boolean');
    if (depth > maxDepth) throw new Error(`the result is nested more than ${maxDepth} deep`);
    lua.lua_checkstack(state, 4);
    return readTable(state, index < 0 ? lua.lua_gettop(state) + index + 1 : index, references, depth);
  }

  function readTable(state: LuaState, table: number, references: readonly unknown[], depth: number): unknown {
    const fields: [string, unknown][] = [];
    const elements = new Map<number, unknown>();
    let keys = 0;
    lua.lua_pushnil(state);
    while (lua.lua_next(state, table) !== 0) {
      const type = lua.lua_type(state, -2);
      if (type !== lua.LUA_TNUMBER && type !== lua.LUA_TSTRING)
        throw new Error('a table of the result has a key that is neither string nor number');
      const key =
        type === lua.LUA_TNUMBER
          ? lua.lua_tonumber(state, -2) - 1
          : toText(lua.lua_tostring(state, -2) ?? new Uint8Array());
      let value = read(state, -1, childrenOf(references, key), depth + 1);
      if (value === emptyTable) value = emptyLike(references, key);
      if (typeof key === 'number') elements.set(key, value ?? {});
      else if (value !== undefined) fields.push([key, value]);
      keys++;
      lua.lua_pop(state, 1);
    }
    if (keys === 0) return emptyTable;
    if (elements.size === 0) return Object.fromEntries(fields);
    if (keys > elements.size) throw new Error('a table of the result is both a list and an object');
    const list: unknown[] = [];
    for (let i = 0; i < elements.size; i++) {
      if (!elements.has(i)) throw new Error('a list of the result has holes');
      list.push(elements.get(i));
    }
    return list;
  }

  return {
    push,
    read(state, index, references = []) {
      const value = read(state, index, references, 0);
      if (value !== emptyTable) return value;
      return references.some((reference) => isObject(reference)) ? {} : [];
    },
  };
}

const emptyTable = Symbol('empty table');
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function childrenOf(references: readonly unknown[], key: string | number): unknown[] {
  return references.flatMap((reference) => {
    if (typeof reference !== 'object' || reference === null) return [];
    const child = Array.isArray(reference)
      ? typeof key === 'number'
        ? reference[key]
        : undefined
      : typeof key === 'string' && Object.hasOwn(reference, key)
        ? (reference as Record<string, unknown>)[key]
        : undefined;
    return child === undefined ? [] : [child];
  });
}

/** `{}` or `[]` where an input had just that at the same path, else nothing. */
function emptyLike(references: readonly unknown[], key: string | number): unknown {
  for (const child of childrenOf(references, key)) {
    if (Array.isArray(child) && child.length === 0) return [];
    if (isObject(child) && Object.keys(child).length === 0) return {};
  }
  return undefined;
}
