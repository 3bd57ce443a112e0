/** The `format` keyword: formats of strings that are checked, and those that are known but mean nothing to validation. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** Whether a text has a format; formats that are not checked accept everything. */
export function hasFormat(format: string, text: string): boolean {
  return checks[format]?.(text) ?? true;
}

/** Whether a format is known; others earn a warning when a CRD brings them in. */
export function isKnownFormat(format: string): boolean {
  return Object.hasOwn(checks, format) || unchecked.has(format);
}

const unchecked: ReadonlySet<string> = new Set([
  'int32',
  'int64',
  'float',
  'double',
  'password',
  'int-or-string',
  'quantity',
]);

const dateTime = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const hex24 = /^[0-9a-fA-F]{24}$/;
const uuid = /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/;
const goDuration =
  /^[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$|^[+-]?0$/;
const wordDuration =
  /^\d+\s*(ns|nanos?|us|micros?|ms|millis?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)$/;
const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const hostname = /^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.?$/;

const checks: { readonly [format: string]: (text: string) => boolean } = {
  'date-time': (text) => dateTime.test(text) && !Number.isNaN(Date.parse(text.toUpperCase().replace(' ', 'T'))),
  datetime: (text) => dateTime.test(text) && !Number.isNaN(Date.parse(text.toUpperCase().replace(' ', 'T'))),
  date: (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)),
  duration: (text) => goDuration.test(text) || wordDuration.test(text),
  ipv4: (text) => isIPv4(text),
  ipv6: (text) => isIPv6(text),
  cidr: isCidr,
  mac: (text) => /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(text),
  uri: (text) => /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) || text.startsWith('/'),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  hostname: (text) => text.length <= 255 && hostname.test(text),
  uuid: (text) => uuid.test(text),
  uuid3: (text) => uuid.test(text) && text.replaceAll('-', '')[12] === '3',
  uuid4: (text) => uuid.test(text) && text.replaceAll('-', '')[12] === '4',
  uuid5: (text) => uuid.test(text) && text.replaceAll('-', '')[12] === '5',
  bsonobjectid: (text) => hex24.test(text),
  byte: (text) => base64.test(text),
  isbn: (text) => /^[\d-]{9,16}[\dXx]?$/.test(text),
  isbn10: (text) => /^\d{9}[\dXx]$/.test(text.replaceAll('-', '')),
  isbn13: (text) => /^\d{13}$/.test(text.replaceAll('-', '')),
  creditcard: (text) => /^\d{12,19}$/.test(text.replaceAll(/[ -]/g, '')),
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: (text) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: (text) => /^rgb\(\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\)$/.test(text),
};

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  const version = isIP(address);
  return more.length === 0 && version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
