/** Addresses of a range, handed out one each and not again while somebody has them. */

export interface AddressAllocator {
  /** The address of the owner, the wanted one if it is free, else the next free one; undefined when none is left. */
  allocate(owner: string, wanted?: string): string | undefined;
  /** Notes an address that the owner has already. Returns false when another has it. */
  claim(owner: string, address: string): boolean;
  release(owner: string): void;
}

/** From `first` (dotted) `count` addresses upwards. */
export function createAddressAllocator(first: string, count: number): AddressAllocator {
  const base = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const text = (index: number): string => [24, 16, 8, 0].map((bits) => ((base + index) >>> bits) & 255).join('.');
  const owners = new Map<string, string>();
  const addresses = new Map<string, string>();
  let next = 0;
  const claim = (owner: string, address: string): boolean => {
    const holder = owners.get(address);
    if (holder !== undefined && holder !== owner) return false;
    const before = addresses.get(owner);
    if (before !== undefined) owners.delete(before);
    owners.set(address, owner);
    addresses.set(owner, address);
    return true;
  };
  const inRange = (address: string): boolean => {
    const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    return value >= base && value < base + count;
  };
  return {
    claim,
    allocate(owner, wanted) {
      const current = addresses.get(owner);
      if (current !== undefined && (wanted === undefined || wanted === current)) return current;
      if (wanted !== undefined) return inRange(wanted) && claim(owner, wanted) ? wanted : undefined;
      for (let tried = 0; tried < count; tried++, next = (next + 1) % count) {
        const address = text(next);
        if (owners.has(address)) continue;
        claim(owner, address);
        return address;
      }
      return undefined;
    },
    release(owner) {
      const address = addresses.get(owner);
      if (address === undefined) return;
      addresses.delete(owner);
      owners.delete(address);
    },
  };
}
