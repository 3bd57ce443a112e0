/**
 * Name resolution with a hosts file of our own: cluster-internal names (`karmada-apiserver.karmada-system.svc`) are known to
 * no DNS where components run as local processes. Lines are those of /etc/hosts: address, then names.
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** The shape node:net, node:tls and node:http2 take as `lookup`. */
export type LookupFunction = (hostname: string, options: LookupOptions, callback: LookupCallback) => void;

/** Looks into `file` first (read again when it changed), then asks the system. Without a file: the system's look-up. */
export function createLookup(file: string | undefined = process.env['KARMADA_HOSTS_FILE']): LookupFunction {
  if (file === undefined || file === '') return dnsLookup as unknown as LookupFunction;
  let stamp = '';
  let hosts = new Map<string, string[]>();
  const refresh = (): void => {
    try {
      const { mtimeMs, size, ino } = statSync(file);
      const now = `${mtimeMs} ${size} ${ino}`;
      if (now === stamp) return;
      hosts = parseHosts(readFileSync(file, 'utf8'));
      stamp = now;
    } catch {
      // Not written yet, or just being replaced: what was read last still holds.
    }
  };
  return (hostname, options, callback) => {
    refresh();
    const all = addressesOf(hosts, hostname);
    const wanted =
      options.family === 4 || options.family === 'IPv4' ? 4 : options.family === 6 || options.family === 'IPv6' ? 6 : 0;
    const found = all
      .map((address) => ({ address, family: isIP(address) }))
      .filter((a) => wanted === 0 || a.family === wanted);
    const first = found[0];
    if (first === undefined) (dnsLookup as unknown as LookupFunction)(hostname, options, callback);
    else if (options.all === true) process.nextTick(callback, null, found);
    else process.nextTick(callback, null, first.address, first.family);
  };
}

/** Name (lower case) → addresses. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [address]);
      else known.push(address);
    }
  }
  return hosts;
}

/** `a.ns.svc`, `a.ns.svc.` and `a.ns.svc.cluster.local` are one name. */
function addressesOf(hosts: ReadonlyMap<string, string[]>, hostname: string): readonly string[] {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  const suffix = '.cluster.local';
  const other = name.endsWith(suffix) ? name.slice(0, -suffix.length) : `${name}${suffix}`;
  return hosts.get(name) ?? hosts.get(other) ?? [];
}
