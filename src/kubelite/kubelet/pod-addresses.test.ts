import { describe, expect, it } from 'vitest';
import { contains, createAddressPool, formatCidr, parseCidr, subnet } from './pod-addresses.ts';

describe('address ranges', () => {
  it('are cut into equal parts', () => {
    const range = parseCidr('10.244.0.0/16');
    expect([0, 1, 255].map((index) => formatCidr(subnet(range, 24, index)))).toEqual([
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.255.0/24',
    ]);
    expect(() => subnet(range, 24, 256)).toThrow('has no room');
  });
  it('know what lies in them', () => {
    const range = parseCidr('127.20.128.0/17');
    expect(contains(range, '127.20.128.1')).toBe(true);
    expect(contains(range, '127.20.127.255')).toBe(false);
    expect(contains(range, 'localhost')).toBe(false);
  });
  it.each(['10.0.0.0', '10.0.0.300/8', '10.0.0.0/33'])('%s is none', (text) => {
    expect(() => parseCidr(text)).toThrow('invalid CIDR');
  });
});

describe('an address pool', () => {
  it('gives each address once, walks on before it reuses one, and says when it is empty', () => {
    const pool = createAddressPool(parseCidr('10.0.0.0/29'));
    const all = Array.from({ length: 5 }, () => pool.allocate());
    expect(all).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(() => pool.allocate()).toThrow('no IP addresses available');
    pool.release('10.0.0.4');
    expect(pool.reserve('10.0.0.5')).toBe(false);
    expect(pool.allocate()).toBe('10.0.0.4');
  });
});
