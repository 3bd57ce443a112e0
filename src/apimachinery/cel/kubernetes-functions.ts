/** Quantities, URLs and semantic versions. */
import { formatQuantity, type Quantity, tryParseQuantity } from '../quantity.ts';
import { declare, type Overload, traversal } from './overloads.ts';
import { CelError, type Opaque } from './values.ts';

const one = 1_000_000_000n;

class QuantityValue implements Opaque {
  readonly opaque = 'kubernetes.Quantity';
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
  get nano(): bigint {
    return this.quantity.nano;
  }
  equals(other: Opaque): boolean {
    return other instanceof QuantityValue && other.nano === this.nano;
  }
}

function quantity(text: string): QuantityValue {
  const parsed = tryParseQuantity(text);
  if (parsed === undefined)
    throw new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  return new QuantityValue(parsed);
}

const sameFormat = (a: QuantityValue, nano: bigint): QuantityValue =>
  new QuantityValue({ nano, format: a.quantity.format });

function asInteger(value: QuantityValue): bigint {
  if (value.nano % one !== 0n) throw new CelError('cannot convert value to integer');
  return value.nano / one;
}

const order = (a: bigint | number, b: bigint | number): bigint => (a < b ? -1n : a > b ? 1n : 0n);
const Q = 'kubernetes.Quantity';
type Two = [QuantityValue, QuantityValue];

class UrlValue implements Opaque {
  readonly opaque = 'kubernetes.URL';
  readonly url: URL;
  readonly text: string;
  constructor(text: string, url: URL) {
    this.text = text;
    this.url = url;
  }
  equals(other: Opaque): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

/** Absolute URLs and absolute paths. */
function parseUrl(text: string): UrlValue | undefined {
  const absolutePath = text.startsWith('/');
  if (!absolutePath && !/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(text)) return undefined;
  if (/[\s\p{Cc}]/u.test(text) || /%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  try {
    return new UrlValue(text, absolutePath ? new URL(`none://${text}`) : new URL(text));
  } catch {
    return undefined;
  }
}

function url(text: string): UrlValue {
  const parsed = parseUrl(text);
  if (parsed === undefined)
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  return parsed;
}

/** What stands between `//` and the path: as written, also where the port is the scheme's own. */
const authority = ({ text }: UrlValue): string => /^[^/]*:\/\/(?:[^@/?#]*@)?([^/?#]*)/.exec(text)?.[1] ?? '';
const hostname = (value: UrlValue): string =>
  authority(value)
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
const path = ({ text }: UrlValue): string => text.replace(/^[a-zA-Z][^/]*:\/\/[^/?#]*/, '').replace(/[?#].*$/s, '');

class SemverValue implements Opaque {
  readonly opaque = 'kubernetes.Semver';
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly pre: readonly string[];
  constructor(numbers: readonly [bigint, bigint, bigint], pre: readonly string[]) {
    this.numbers = numbers;
    this.pre = pre;
  }
  equals(other: Opaque): boolean {
    return other instanceof SemverValue && compareSemver(this, other) === 0n;
  }
}

const semverPattern = /^(\d{1,18})\.(\d{1,18})\.(\d{1,18})(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$/;

function parseSemver(text: string, normalize: boolean): SemverValue | undefined {
  let given = text;
  if (normalize) {
    given = given.replace(/^v/, '');
    const [, core = '', rest = ''] = /^([0-9.]*)(.*)$/.exec(given) ?? [];
    const parts = core.split('.').map((number) => number.replace(/^0+(?=\d)/, ''));
    while (parts.length < 3) parts.push('0');
    given = parts.join('.') + rest;
  }
  const [all, major = '', minor = '', patch = '', pre] = semverPattern.exec(given) ?? [];
  if (all === undefined || [major, minor, patch].some((number) => /^0\d/.test(number))) return undefined;
  const parts = pre === undefined ? [] : pre.split('.');
  if (parts.some((id) => id === '' || /^0\d+$/.test(id))) return undefined;
  return new SemverValue([BigInt(major), BigInt(minor), BigInt(patch)], parts);
}

function semver(text: string, normalize: boolean): SemverValue {
  const parsed = parseSemver(text, normalize);
  if (parsed === undefined) throw new CelError(`semver parse error: ${JSON.stringify(text)} is not a semantic version`);
  return parsed;
}

function compareSemver(a: SemverValue, b: SemverValue): bigint {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] as bigint;
    if (number !== other) return order(number, other);
  }
  if (a.pre.length === 0 || b.pre.length === 0) return order(b.pre.length, a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const [x, y] = [a.pre[i] as string, b.pre[i] as string];
    if (x === y) continue;
    const [xn, yn] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (xn && yn) return order(BigInt(x), BigInt(y));
    if (xn !== yn) return xn ? -1n : 1n;
    return x < y ? -1n : 1n;
  }
  return order(a.pre.length, b.pre.length);
}

const V = 'kubernetes.Semver';
type TwoVersions = [SemverValue, SemverValue];

export const kubernetesFunctions: readonly Overload[] = [
  declare(`quantity(string): ${Q}`, ([text]: [string]) => quantity(text), traversal),
  declare('isQuantity(string): bool', ([text]: [string]) => tryParseQuantity(text) !== undefined, traversal),
  declare(`${Q}::isInteger(): bool`, ([q]: [QuantityValue]) => q.nano % one === 0n),
  declare(`${Q}::asInteger(): int`, ([q]: [QuantityValue]) => asInteger(q)),
  declare(`${Q}::asApproximateFloat(): double`, ([q]: [QuantityValue]) => Number(q.nano) / 1e9),
  declare(`${Q}::sign(): int`, ([q]: [QuantityValue]) => order(q.nano, 0n)),
  declare(`${Q}::add(${Q}): ${Q}`, ([a, b]: Two) => sameFormat(a, a.nano + b.nano)),
  declare(`${Q}::add(int): ${Q}`, ([a, b]: [QuantityValue, bigint]) => sameFormat(a, a.nano + b * one)),
  declare(`${Q}::sub(${Q}): ${Q}`, ([a, b]: Two) => sameFormat(a, a.nano - b.nano)),
  declare(`${Q}::sub(int): ${Q}`, ([a, b]: [QuantityValue, bigint]) => sameFormat(a, a.nano - b * one)),
  declare(`${Q}::isGreaterThan(${Q}): bool`, ([a, b]: Two) => a.nano > b.nano),
  declare(`${Q}::isLessThan(${Q}): bool`, ([a, b]: Two) => a.nano < b.nano),
  declare(`${Q}::compareTo(${Q}): int`, ([a, b]: Two) => order(a.nano, b.nano)),
  declare(`string(${Q}): string`, ([q]: [QuantityValue]) => formatQuantity(q.quantity)),

  declare('url(string): kubernetes.URL', ([text]: [string]) => url(text), traversal),
  declare('isURL(string): bool', ([text]: [string]) => parseUrl(text) !== undefined, traversal),
  declare('kubernetes.URL::getScheme(): string', ([u]: [UrlValue]) => /^([a-zA-Z][^:/]*):/.exec(u.text)?.[1] ?? ''),
  declare('kubernetes.URL::getHost(): string', ([u]: [UrlValue]) => authority(u)),
  declare('kubernetes.URL::getHostname(): string', ([u]: [UrlValue]) => hostname(u)),
  declare('kubernetes.URL::getPort(): string', ([u]: [UrlValue]) => /:(\d+)$/.exec(authority(u))?.[1] ?? ''),
  declare('kubernetes.URL::getEscapedPath(): string', ([u]: [UrlValue]) => path(u)),

  declare(`semver(string): ${V}`, ([text]: [string]) => semver(text, false), traversal),
  declare(`semver(string, bool): ${V}`, ([text, normalize]: [string, boolean]) => semver(text, normalize), traversal),
  declare('isSemver(string): bool', ([text]: [string]) => parseSemver(text, false) !== undefined, traversal),
  declare(
    'isSemver(string, bool): bool',
    ([text, normalize]: [string, boolean]) => parseSemver(text, normalize) !== undefined,
    traversal,
  ),
  declare(`${V}::major(): int`, ([v]: [SemverValue]) => v.numbers[0]),
  declare(`${V}::minor(): int`, ([v]: [SemverValue]) => v.numbers[1]),
  declare(`${V}::patch(): int`, ([v]: [SemverValue]) => v.numbers[2]),
  declare(`${V}::isLessThan(${V}): bool`, ([a, b]: TwoVersions) => compareSemver(a, b) < 0n),
  declare(`${V}::isGreaterThan(${V}): bool`, ([a, b]: TwoVersions) => compareSemver(a, b) > 0n),
  declare(`${V}::compareTo(${V}): int`, ([a, b]: TwoVersions) => compareSemver(a, b)),
];
