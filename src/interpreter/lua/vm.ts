/**
 * One Lua virtual machine, for a worker thread only: fengari is changed globally before it is loaded. The machine keeps
 * compiled scripts; every call gets an environment of its own, so that nothing a script leaves behind is seen by the next.
 */
import { accountByteArrays, accountTables, chargeTo, type Limit, scriptLimits, useDoubles } from './budget.ts';
import type { AuxiliaryApi, LibraryApi, LuaApi, LuaState } from './fengari-types.ts';
import { createConverter } from './json.ts';
import { kubeFunctions } from './kube-library.ts';
import { prepareLibraries } from './prelude.ts';
import type { CallOutcome, CallRequest } from './protocol.ts';

export interface Machine {
  /** Compiles without running. @returns what is wrong */
  compile(chunk: string, script: string): string | undefined;
  call(request: CallRequest): CallOutcome;
}

export interface Fengari {
  lua: LuaApi;
  lauxlib: AuxiliaryApi;
  lualib: LibraryApi;
  to_luastring(text: string): Uint8Array;
  to_jsstring(bytes: Uint8Array): string;
}

const hookInterval = 1000;
const keptScripts = 200;
/** Characters of an error that are told: it goes into logs, Events and conditions. */
const maxErrorText = 1000;

export async function loadFengari(): Promise<Fengari> {
  accountByteArrays();
  // The thread's own copy of the environment: whole numbers print without a fraction.
  process.env['FENGARICONF'] = '{"LUA_COMPAT_FLOATSTRING":true}';
  // First: its modules need each other in this order.
  const { default: core } = await import('fengari/src/lapi.js');
  const { default: strings } = await import('fengari/src/lstring.js');
  const { default: objects } = await import('fengari/src/lobject.js');
  const { default: tables } = await import('fengari/src/ltable.js');
  useDoubles(objects, strings);
  accountTables(tables);
  core['lua_pushinteger'] = core['lua_pushnumber'];
  const { default: fengari } = await import('fengari');
  return fengari;
}

export function createMachine(fengari: Fengari): Machine {
  const { lua, lauxlib, to_luastring: bytes, to_jsstring: text } = fengari;
  const converter = createConverter(lua, bytes, text);
  let state = open();
  let scripts = new Map<string, number>();

  function open(): LuaState {
    const fresh = lauxlib.luaL_newstate();
    prepareLibraries(fengari, fresh, converter, kubeFunctions);
    return fresh;
  }

  /** A machine that ran into a limit may be in any condition. */
  function reset(): void {
    state = open();
    scripts = new Map();
  }

  function load(chunk: string, script: string): string | undefined {
    const code = bytes(script);
    if (code[0] === 0x1b) return 'precompiled code is not accepted';
    if (lauxlib.luaL_loadbuffer(state, code, code.length, bytes(`=${chunk}`)) === lua.LUA_OK) return undefined;
    return popError();
  }

  function popError(): string {
    const message = lua.lua_tostring(state, -1);
    const type = text(lauxlib.luaL_typename(state, -1));
    lua.lua_pop(state, 1);
    return message === null ? `(error object is a ${type} value)` : text(message).slice(0, maxErrorText);
  }

  /** Leaves the compiled chunk on the stack. */
  function pushScript(chunk: string, script: string): string | undefined {
    const key = `${chunk}\0${script}`;
    const known = scripts.get(key);
    if (known !== undefined) {
      lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, known);
      return undefined;
    }
    const wrong = load(chunk, script);
    if (wrong !== undefined) return wrong;
    if (scripts.size >= keptScripts) {
      const [oldest, ref] = scripts.entries().next().value as [string, number];
      scripts.delete(oldest);
      lauxlib.luaL_unref(state, lua.LUA_REGISTRYINDEX, ref);
    }
    lua.lua_pushvalue(state, -1);
    scripts.set(key, lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX));
    return undefined;
  }

  function run(request: CallRequest): CallOutcome {
    const wrong = pushScript(request.chunk, request.script);
    if (wrong !== undefined) return { error: wrong };
    pushEnvironment(lua, bytes, state);
    lua.lua_pushvalue(state, -1);
    lua.lua_setupvalue(state, -3, 1);
    // environment below the chunk: the function is read from it afterwards
    lua.lua_pushvalue(state, -2);
    lua.lua_remove(state, -3);
    if (lua.lua_pcall(state, 0, 0, 0) !== lua.LUA_OK) return { error: popError() };
    lua.lua_getfield(state, -1, bytes(request.function));
    const type = lua.lua_type(state, -1);
    if (type === lua.LUA_TNIL) return { error: `not found function ${request.function}` };
    if (type !== lua.LUA_TFUNCTION)
      return { error: `${request.function} is not a function: ${text(lauxlib.luaL_typename(state, -1))}` };
    for (const arg of request.args) converter.push(state, arg);
    if (lua.lua_pcall(state, request.args.length, request.results, 0) !== lua.LUA_OK) return { error: popError() };
    const values: unknown[] = [];
    for (let i = request.results; i >= 1; i--) values.push(converter.read(state, -i, request.references) ?? null);
    return { values };
  }

  return {
    compile(chunk, script) {
      const wrong = load(chunk, script);
      lua.lua_settop(state, 0);
      return wrong;
    },
    call(request) {
      const watch = watchLimits(fengari, () => state);
      let outcome: CallOutcome;
      try {
        watch.start(state);
        outcome = run(request);
      } catch (error) {
        outcome = { error: error instanceof Error ? error.message : String(error) };
      } finally {
        watch.stop(state);
      }
      const limit = watch.exceeded();
      if (limit === undefined) {
        lua.lua_settop(state, 0);
        return outcome;
      }
      reset();
      return { error: limitMessage(limit), limit };
    },
  };
}

export function limitMessage(limit: Limit): string {
  if (limit === 'time') return `the script ran longer than ${scriptLimits.time} ms`;
  if (limit === 'memory') return `the script allocated more than ${scriptLimits.memory} bytes`;
  return `the script ran more than ${scriptLimits.instructions} instructions`;
}

/**
 * The hook counts instructions and looks at the clock. Once a limit is passed it fires at every single instruction: an error
 * that `pcall` caught is followed by the next one, outside of that `pcall`.
 */
function watchLimits({ lua, lauxlib, to_luastring }: Fengari, current: () => LuaState) {
  let limit: Limit | undefined;
  let deadline = 0;
  let instructions = 0;
  let memory = 0;
  const fail = (state: LuaState): never => lauxlib.luaL_error(state, to_luastring(limitMessage(limit as Limit)));
  const exceed = (state: LuaState, which: Limit): never => {
    limit = which;
    chargeTo(undefined);
    lua.lua_sethook(state, fail, lua.LUA_MASKCOUNT, 1);
    return fail(state);
  };
  const hook = (state: LuaState): void => {
    instructions += hookInterval;
    if (instructions > scriptLimits.instructions) exceed(state, 'instructions');
    if (performance.now() > deadline) exceed(state, 'time');
  };
  return {
    start(state: LuaState): void {
      deadline = performance.now() + scriptLimits.time;
      lua.lua_sethook(state, hook, lua.LUA_MASKCOUNT, hookInterval);
      chargeTo((size) => {
        memory += size;
        if (memory > scriptLimits.memory) exceed(current(), 'memory');
      });
    },
    stop(state: LuaState): void {
      chargeTo(undefined);
      lua.lua_sethook(state, null, 0, 0);
    },
    exceeded: (): Limit | undefined => limit,
  };
}

/** A table of its own with copies of the libraries; what a script changes in it is gone after the call. */
function pushEnvironment(lua: LuaApi, bytes: (text: string) => Uint8Array, state: LuaState): void {
  lua.lua_getfield(state, lua.LUA_REGISTRYINDEX, bytes('karmada.environment'));
  copyTable(lua, state, 1);
  lua.lua_remove(state, -2);
  lua.lua_pushvalue(state, -1);
  lua.lua_setfield(state, -2, bytes('_G'));
}

/** Replaces nothing: pushes a copy of the table on top, nested tables copied `depth` levels down. */
function copyTable(lua: LuaApi, state: LuaState, depth: number): void {
  const source = lua.lua_gettop(state);
  lua.lua_createtable(state, 0, 0);
  const copy = source + 1;
  lua.lua_pushnil(state);
  while (lua.lua_next(state, source) !== 0) {
    if (depth > 0 && lua.lua_type(state, -1) === lua.LUA_TTABLE) {
      copyTable(lua, state, depth - 1);
      lua.lua_remove(state, -2);
    }
    const key = lua.lua_tostring(state, -2);
    if (key !== null) lua.lua_setfield(state, copy, key);
    else lua.lua_pop(state, 1);
  }
}
