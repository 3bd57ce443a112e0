/** Shapes of fengari's C-like API. */

/** A Lua state: opaque. */
export type LuaState = object;
export type NativeFunction = (state: LuaState) => number;

export interface LuaApi {
  LUA_OK: number;
  LUA_MASKCOUNT: number;
  LUA_TNIL: number;
  LUA_TBOOLEAN: number;
  LUA_TNUMBER: number;
  LUA_TSTRING: number;
  LUA_TTABLE: number;
  LUA_TFUNCTION: number;
  LUA_REGISTRYINDEX: number;
  lua_call(state: LuaState, args: number, results: number): void;
  lua_checkstack(state: LuaState, count: number): boolean;
  lua_createtable(state: LuaState, list: number, fields: number): void;
  lua_getfield(state: LuaState, index: number, key: Uint8Array): number;
  lua_gettop(state: LuaState): number;
  lua_next(state: LuaState, index: number): number;
  lua_pcall(state: LuaState, args: number, results: number, handler: number): number;
  lua_pop(state: LuaState, count: number): void;
  lua_pushboolean(state: LuaState, value: boolean): void;
  lua_pushcfunction(state: LuaState, fn: NativeFunction): void;
  lua_pushlstring(state: LuaState, bytes: Uint8Array, length: number): void;
  lua_pushnil(state: LuaState): void;
  lua_pushnumber(state: LuaState, value: number): void;
  lua_pushvalue(state: LuaState, index: number): void;
  lua_rawgeti(state: LuaState, index: number, key: number): number;
  lua_rawlen(state: LuaState, index: number): number;
  lua_rawseti(state: LuaState, index: number, key: number): void;
  lua_remove(state: LuaState, index: number): void;
  lua_setfield(state: LuaState, index: number, key: Uint8Array): void;
  lua_sethook(state: LuaState, hook: ((state: LuaState) => void) | null, mask: number, count: number): void;
  lua_settop(state: LuaState, index: number): void;
  lua_setupvalue(state: LuaState, index: number, upvalue: number): Uint8Array | null;
  lua_toboolean(state: LuaState, index: number): boolean;
  lua_tonumber(state: LuaState, index: number): number;
  lua_tostring(state: LuaState, index: number): Uint8Array | null;
  lua_type(state: LuaState, index: number): number;
}

export interface AuxiliaryApi {
  luaL_error(state: LuaState, message: Uint8Array): never;
  luaL_loadbuffer(state: LuaState, code: Uint8Array, length: number, name: Uint8Array): number;
  luaL_newstate(): LuaState;
  luaL_ref(state: LuaState, table: number): number;
  luaL_requiref(state: LuaState, name: Uint8Array, open: NativeFunction, global: boolean): void;
  luaL_typename(state: LuaState, index: number): Uint8Array;
  luaL_unref(state: LuaState, table: number, ref: number): void;
}

export interface LibraryApi {
  luaopen_base: NativeFunction;
  luaopen_math: NativeFunction;
  luaopen_string: NativeFunction;
  luaopen_table: NativeFunction;
}
