/** An IPv4 CIDR as numbers. */
export interface IpRange {
  cidr: string;
  /** Address of the network, as a number. */
  base: number;
  /** Number of addresses, network and broadcast included. */
  size: number;
}

/** Throws an Error for anything but an IPv4 CIDR of /8 to /30. */
export function parseIpRange(cidr: string): IpRange {
  const [address = '', bits = ''] = cidr.split('/');
  const start = parseIp(address);
  const length = Number(bits);
  if (start === undefined || !/^\d+$/.test(bits) || length < 8 || length > 30)
    throw new Error(`${JSON.stringify(cidr)} is not an IPv4 range of /8 to /30`);
  const size = 2 ** (32 - length);
  return { cidr, base: start - (start % size), size };
}

/** Undefined when the text is no dotted IPv4 address. */
export function parseIp(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255))
    return undefined;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIp(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Whether a Service may have the address: neither the network nor the broadcast address. */
export function isAssignable(range: IpRange, address: number): boolean {
  return address > range.base && address < range.base + range.size - 1;
}
