/** IPv4 ranges and the addresses of pods in them. */

export interface Cidr {
  /** First address as an unsigned number. */
  base: number;
  bits: number;
}

/** Throws an Error with a readable message. */
export function parseCidr(text: string): Cidr {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const parts = match?.slice(1, 5).map(Number) ?? [];
  const bits = Number(match?.[5]);
  if (match === null || bits > 32 || parts.some((part) => part > 255))
    throw new Error(`invalid CIDR ${JSON.stringify(text)}`);
  const address = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - bits);
  return { base: address - (address % size), bits };
}

export const cidrSize = (cidr: Cidr): number => 2 ** (32 - cidr.bits);

export const formatCidr = (cidr: Cidr): string => `${formatAddress(cidr.base)}/${cidr.bits}`;

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export function parseAddress(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function contains(cidr: Cidr, address: string): boolean {
  const value = parseAddress(address);
  return value !== undefined && value >= cidr.base && value < cidr.base + cidrSize(cidr);
}

/** The n-th of the equal parts of a range; throws when the range has no such part. */
export function subnet(cidr: Cidr, bits: number, index: number): Cidr {
  const part = { base: cidr.base + index * 2 ** (32 - bits), bits };
  if (bits < cidr.bits || part.base >= cidr.base + cidrSize(cidr))
    throw new Error(`${formatCidr(cidr)} has no room for ${index + 1} ranges of /${bits}`);
  return part;
}

export interface AddressPool {
  /** The next free address; the pool walks on, so that an address is not reused at once. Throws when all are taken. */
  allocate(): string;
  /** Takes a known address; false when it is taken or not in the range. */
  reserve(address: string): boolean;
  release(address: string): void;
}

/** The first two and the last address of the range are not given out. */
export function createAddressPool(cidr: Cidr): AddressPool {
  const taken = new Set<number>();
  const first = 2;
  const count = cidrSize(cidr) - 3;
  let cursor = 0;
  return {
    allocate() {
      for (let tried = 0; tried < count; tried++) {
        const value = cidr.base + first + cursor;
        cursor = (cursor + 1) % count;
        if (taken.has(value)) continue;
        taken.add(value);
        return formatAddress(value);
      }
      throw new Error(`no IP addresses available in range set: ${formatCidr(cidr)}`);
    },
    reserve(address) {
      const value = parseAddress(address);
      if (value === undefined || !contains(cidr, address) || taken.has(value)) return false;
      taken.add(value);
      return true;
    },
    release(address) {
      const value = parseAddress(address);
      if (value !== undefined) taken.delete(value);
    },
  };
}
