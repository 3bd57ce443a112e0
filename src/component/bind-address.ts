/** Addresses to listen on, in the forms of upstream's flags. */

export interface BindAddress {
  /** Undefined: all interfaces. */
  host: string | undefined;
  port: number;
}

/** `:8080`, `0.0.0.0:8080`, `[::1]:8080`, `127.0.0.1:0` (a free port). `0` and the empty text mean: do not listen. */
export function parseBindAddress(text: string): BindAddress | undefined {
  if (text === '' || text === '0') return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Error(`invalid address ${JSON.stringify(text)}: expected host:port, :port or 0`);
  const host = match[1] ?? match[2];
  return { host: host === '' ? undefined : host, port };
}
