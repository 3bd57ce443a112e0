/** Name rules of Kubernetes, random suffixes and the hash that generated names use. */
import { randomInt } from 'node:crypto';

/** The alphabet of generated suffixes: no vowels and no look-alikes, so that no words come out. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1a, 32 bits, of the UTF-8 bytes. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Maps each character to one that is safe in names (upstream's SafeEncodeString). */
export function safeEncode(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) encoded += alphabet[byte % alphabet.length];
  return encoded;
}

/** `length` random characters of the suffix alphabet: what the API server appends to generateName (5 there). */
export function randomSuffix(length = 5): string {
  let suffix = '';
  for (let i = 0; i < length; i++) suffix += alphabet[randomInt(alphabet.length)];
  return suffix;
}

/** The longest base that a generated suffix of five still fits behind. */
export const maxGeneratedNameBase = 58;

/** A name from metadata.generateName: the base is cut so that the whole has at most 63 characters. */
export function generateName(base: string): string {
  return base.slice(0, maxGeneratedNameBase) + randomSuffix(5);
}

const dns1123Label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dns1123Subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const dns1035Label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedNamePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValuePart = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const dns1123LabelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const dns1123SubdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const dns1035LabelText =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const qualifiedNameText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const tooLong = (max: number): string => `must be no more than ${max} bytes`;

/** What is wrong with a DNS-1123 label, in upstream's words; empty when nothing is. */
export function dns1123LabelErrors(name: string): string[] {
  const errors: string[] = [];
  if (name.length > 63) errors.push(tooLong(63));
  if (!dns1123Label.test(name)) errors.push(dns1123Subdomain.test(name) ? 'must not contain dots' : dns1123LabelText);
  return errors;
}

export function dns1123SubdomainErrors(name: string): string[] {
  const errors: string[] = [];
  if (name.length > 253) errors.push(tooLong(253));
  if (!dns1123Subdomain.test(name)) errors.push(dns1123SubdomainText);
  return errors;
}

export function dns1035LabelErrors(name: string): string[] {
  const errors: string[] = [];
  if (name.length > 63) errors.push(tooLong(63));
  if (!dns1035Label.test(name)) errors.push(dns1035LabelText);
  return errors;
}

/** Label keys, annotation keys and the like: `[prefix/]name`. */
export function qualifiedNameErrors(key: string): string[] {
  const errors: string[] = [];
  const parts = key.split('/');
  let name = key;
  if (parts.length === 2) {
    const [prefix = '', rest = ''] = parts;
    name = rest;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else errors.push(...dns1123SubdomainErrors(prefix).map((e) => `prefix part ${e}`));
  } else if (parts.length > 2) {
    return [
      `a qualified name ${qualifiedNameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push(`name part ${tooLong(63)}`);
  if (!qualifiedNamePart.test(name)) errors.push(`name part ${qualifiedNameText}`);
  return errors;
}

export function labelValueErrors(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 63) errors.push(tooLong(63));
  if (!labelValuePart.test(value)) errors.push(labelValueText);
  return errors;
}

export const isDns1123Label = (name: string): boolean => name.length <= 63 && dns1123Label.test(name);
/** @public */
export const isDns1123Subdomain = (name: string): boolean => name.length <= 253 && dns1123Subdomain.test(name);
/** @public */
export const isQualifiedName = (key: string): boolean => qualifiedNameErrors(key).length === 0;

/** Rule for names that become path segments only (RBAC objects): anything but `.`, `..`, `/` and `%`. */
export function pathSegmentErrors(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  const errors: string[] = [];
  for (const illegal of ['/', '%']) if (name.includes(illegal)) errors.push(`may not contain '${illegal}'`);
  return errors;
}
