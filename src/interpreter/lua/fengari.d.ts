/** The few functions of fengari that are used here; strings of its API are bytes. */
declare module 'fengari' {
  const fengari: {
    lua: import('./fengari-types.ts').LuaApi;
    lauxlib: import('./fengari-types.ts').AuxiliaryApi;
    lualib: import('./fengari-types.ts').LibraryApi;
    to_luastring(text: string): Uint8Array;
    to_jsstring(bytes: Uint8Array): string;
  };
  export default fengari;
}
declare module 'fengari/src/*' {
  const internals: Record<string, unknown>;
  export default internals;
}
