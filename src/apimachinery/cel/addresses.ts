/** IP addresses and address ranges. */
import { isIP } from 'node:net';
import { declare, type Overload, traversal } from './overloads.ts';
import { CelError, type Opaque } from './values.ts';

class IpValue implements Opaque {
  readonly opaque = 'net.IP';
  readonly family: 4 | 6;
  readonly bits: bigint;
  constructor(family: 4 | 6, bits: bigint) {
    this.family = family;
    this.bits = bits;
  }
  equals(other: Opaque): boolean {
    return other instanceof IpValue && other.family === this.family && other.bits === this.bits;
  }
}

class CidrValue implements Opaque {
  readonly opaque = 'net.CIDR';
  readonly ip: IpValue;
  readonly prefix: number;
  constructor(ip: IpValue, prefix: number) {
    this.ip = ip;
    this.prefix = prefix;
  }
  equals(other: Opaque): boolean {
    return other instanceof CidrValue && other.prefix === this.prefix && other.ip.equals(this.ip);
  }
}

const width = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** Neither zones nor IPv4 in IPv6 are addresses here. */
function parseIp(text: string): IpValue | undefined {
  const family = isIP(text);
  if (family === 4)
    return new IpValue(
      4,
      text.split('.').reduce((bits, part) => bits * 256n + BigInt(part), 0n),
    );
  if (family !== 6 || text.includes('%')) return undefined;
  if (text.includes('.')) return undefined;
  const [head = '', tail] = text.split('::');
  const groups = (part: string): bigint[] => (part === '' ? [] : part.split(':').map((group) => BigInt(`0x${group}`)));
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)];
  const all = [...before, ...Array<bigint>(8 - before.length - after.length).fill(0n), ...after];
  const bits = all.reduce((sum, group) => sum * 65536n + group, 0n);
  return bits >> 32n === 0xffffn ? undefined : new IpValue(6, bits);
}

/** The canonical text (RFC 5952). */
function ipText({ family, bits }: IpValue): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 65535n).toString(16));
  let best = { from: 0, length: 0 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (groups[i + length] === '0') length++;
    if (length > best.length) best = { from: i, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`;
}

function ip(text: string): IpValue {
  const parsed = parseIp(text);
  if (parsed === undefined)
    throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return parsed;
}

function parseCidr(text: string): CidrValue | undefined {
  const [, address = '', length = ''] = /^(.*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const parsed = parseIp(address);
  return parsed === undefined || Number(length) > width(parsed.family)
    ? undefined
    : new CidrValue(parsed, Number(length));
}

function cidr(text: string): CidrValue {
  const parsed = parseCidr(text);
  if (parsed === undefined)
    throw new CelError(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  return parsed;
}

const shiftOf = ({ ip: address, prefix }: CidrValue): bigint => BigInt(width(address.family) - prefix);
const masked = (range: CidrValue): CidrValue => {
  const shift = shiftOf(range);
  return new CidrValue(new IpValue(range.ip.family, (range.ip.bits >> shift) << shift), range.prefix);
};
const containsIp = (range: CidrValue, address: IpValue): boolean =>
  range.ip.family === address.family && range.ip.bits >> shiftOf(range) === address.bits >> shiftOf(range);
const containsCidr = (range: CidrValue, other: CidrValue): boolean =>
  containsIp(range, other.ip) && other.prefix >= range.prefix;

const within = (address: IpValue, ...ranges: string[]): boolean =>
  ranges.some((range) => containsIp(cidr(range), address));
const isUnspecified = (a: IpValue): boolean => a.bits === 0n;
const isLoopback = (a: IpValue): boolean => within(a, '127.0.0.0/8', '::1/128');
const isMulticast = (a: IpValue): boolean => within(a, '224.0.0.0/4', 'ff00::/8');
const isLinkLocalMulticast = (a: IpValue): boolean =>
  within(a, '224.0.0.0/24') || (a.family === 6 && ((a.bits >> 112n) & 0xff0fn) === 0xff02n);
const isLinkLocalUnicast = (a: IpValue): boolean => within(a, '169.254.0.0/16', 'fe80::/10');
const isGlobalUnicast = (a: IpValue): boolean =>
  !isUnspecified(a) &&
  !isLoopback(a) &&
  !isMulticast(a) &&
  !isLinkLocalUnicast(a) &&
  !(a.family === 4 && a.bits === 0xffffffffn);

type Ip = [IpValue];

export const addressFunctions: readonly Overload[] = [
  declare('ip(string): net.IP', ([text]: [string]) => ip(text), traversal),
  declare('isIP(string): bool', ([text]: [string]) => parseIp(text) !== undefined, traversal),
  declare('ip.isCanonical(string): bool', ([text]: [string]) => ipText(ip(text)) === text, traversal),
  declare('string(net.IP): string', ([a]: Ip) => ipText(a)),
  declare('net.IP::family(): int', ([a]: Ip) => BigInt(a.family)),
  declare('net.IP::isUnspecified(): bool', ([a]: Ip) => isUnspecified(a)),
  declare('net.IP::isLoopback(): bool', ([a]: Ip) => isLoopback(a)),
  declare('net.IP::isLinkLocalMulticast(): bool', ([a]: Ip) => isLinkLocalMulticast(a)),
  declare('net.IP::isLinkLocalUnicast(): bool', ([a]: Ip) => isLinkLocalUnicast(a)),
  declare('net.IP::isGlobalUnicast(): bool', ([a]: Ip) => isGlobalUnicast(a)),
  declare('cidr(string): net.CIDR', ([text]: [string]) => cidr(text), traversal),
  declare('isCIDR(string): bool', ([text]: [string]) => parseCidr(text) !== undefined, traversal),
  declare('string(net.CIDR): string', ([c]: [CidrValue]) => `${ipText(c.ip)}/${c.prefix}`),
  declare('net.CIDR::ip(): net.IP', ([c]: [CidrValue]) => c.ip),
  declare('net.CIDR::prefixLength(): int', ([c]: [CidrValue]) => BigInt(c.prefix)),
  declare('net.CIDR::masked(): net.CIDR', ([c]: [CidrValue]) => masked(c)),
  declare('net.CIDR::containsIP(net.IP): bool', ([c, a]: [CidrValue, IpValue]) => containsIp(c, a)),
  declare('net.CIDR::containsIP(string): bool', ([c, a]: [CidrValue, string]) => containsIp(c, ip(a)), traversal),
  declare('net.CIDR::containsCIDR(net.CIDR): bool', ([c, o]: [CidrValue, CidrValue]) => containsCidr(c, o)),
  declare('net.CIDR::containsCIDR(string): bool', ([c, o]: [CidrValue, string]) => containsCidr(c, cidr(o)), traversal),
];
