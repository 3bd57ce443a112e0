/** Resource quantities (`100m`, `1.5Gi`, `1e3`): exact to a billionth, which is also upstream's precision. */

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export interface Quantity {
  /** Billionths. */
  readonly nano: bigint;
  /** The family of suffixes to print with. */
  readonly format: QuantityFormat;
}

export const zeroQuantity: Quantity = { nano: 0n, format: 'DecimalSI' };

/** Parses text, or a bare number. Finer digits than billionths round away from zero. Throws on anything else. */
export function parseQuantity(input: string | number): Quantity {
  const quantity = tryParseQuantity(input);
  if (quantity === undefined) throw new Error(quantityPatternText);
  return quantity;
}

export function tryParseQuantity(input: unknown): Quantity | undefined {
  const text = typeof input === 'number' ? String(input) : input;
  if (typeof text !== 'string' || text.length > maxLength) return undefined;
  if (text.length > maxKnownLength) return parseText(text);
  if (!known.has(text)) {
    if (known.size >= maxKnown) known.clear();
    known.set(text, parseText(text));
  }
  return known.get(text);
}

/** The same few amounts stand in most objects. */
const known = new Map<string, Quantity | undefined>();
const maxKnown = 1000;
const maxKnownLength = 16;

function parseText(text: string): Quantity | undefined {
  const [, sign, whole = '', fraction = '', leading = '', suffix = '', exponentText] = pattern.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const digits = BigInt(whole + fraction + leading || '0');
  const decimals = fraction.length + leading.length;
  const exponent = exponentText === undefined ? (decimalSuffixes[suffix] ?? 0) : Number(exponentText);
  if (Math.abs(exponent) > maxExponent) return undefined;
  const binary = binarySuffixes[suffix];
  const scale = 9 + exponent - decimals;
  let nano = binary === undefined ? digits : digits << BigInt(binary);
  nano = scale >= 0 ? nano * 10n ** BigInt(scale) : divideUp(nano, 10n ** BigInt(-scale));
  if (nano > maxNano) nano = maxNano;
  let format: QuantityFormat = 'DecimalSI';
  if (exponentText !== undefined) format = 'DecimalExponent';
  // Fractions below one cannot be said with binary suffixes.
  else if (binary !== undefined && !(nano > 0n && nano < one)) format = 'BinarySI';
  return { nano: sign === '-' ? -nano : nano, format };
}

/** The canonical text: no fraction, the largest suffix that loses nothing. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const negative = nano < 0n;
  const amount = negative ? -nano : nano;
  const sign = negative ? '-' : '';
  // A fraction is kept, in thousandths: `1.1Ki` is `1126400m`.
  if (format === 'BinarySI' && amount >= 1024n * one && amount % one === 0n) {
    let value = amount / one;
    let step = 0;
    while (step < binaryNames.length - 1 && value % 1024n === 0n) {
      value /= 1024n;
      step++;
    }
    return `${sign}${value}${binaryNames[step]}`;
  }
  let value = amount;
  let exponent = -9;
  while (value % 1000n === 0n && exponent < 18) {
    value /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalExponent') return `${sign}${value}${exponent === 0 ? '' : `e${exponent}`}`;
  return `${sign}${value}${decimalNames[exponent / 3 + 3]}`;
}

/** Text → canonical text; what an API server stores. */
export const canonicalQuantity = (input: string | number): string => formatQuantity(parseQuantity(input));

/** -1, 0 or 1. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0;
}

export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** Whole units, rounded away from zero. */
export const wholeValue = (quantity: Quantity): bigint => scaled(quantity.nano, one);

/** Thousandths, rounded away from zero. */
export const milliValue = (quantity: Quantity): bigint => scaled(quantity.nano, one / 1000n);

export function quantityOfMilli(milli: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(milli) * 1_000_000n, format };
}

export function quantityOfWhole(value: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(value) * one, format };
}

export const quantityPatternText =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const one = 1_000_000_000n;
/** Upstream's cap: 2^63 - 1 units. */
const maxNano = (2n ** 63n - 1n) * one;
const maxLength = 256;
const maxExponent = 200;

const pattern = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d+))?$/;
const decimalSuffixes: { readonly [suffix: string]: number } = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binarySuffixes: { readonly [suffix: string]: number } = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalNames = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binaryNames = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

function scaled(nano: bigint, unit: bigint): bigint {
  return nano < 0n ? -divideUp(-nano, unit) : divideUp(nano, unit);
}
