/** Addresses to listen on, in the forms of upstream's flags. */

export interface BindAddress {
  /** Undefined: all interfaces. */
  host: string | undefined;
  port: number;
}

/**
 * `:8080`, `0.0.0.0:8080`, `[::1]:8080`, `127.0.0.1:0` (a free port). `0` and the empty text mean: do not listen.
 * In a pod that is a process of the host, all interfaces are those of the pod: its one address.
 */
export function parseBindAddress(text: string): BindAddress | undefined {
  if (text === '' || text === '0') return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Error(`invalid address ${JSON.stringify(text)}: expected host:port, :port or 0`);
  const host = match[1] ?? match[2];
  const podIP = process.env['KARMADA_POD_IP'];
  if (podIP !== undefined && (host === '' || host === '0.0.0.0' || host === '::')) return { host: podIP, port };
  return { host: host === '' ? undefined : host, port };
}
