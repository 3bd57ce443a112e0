/** `format.named('dns1123Label')` and the named formats as functions; `validate` gives what is wrong, or nothing. */
import { dns1035LabelErrors, dns1123LabelErrors, dns1123SubdomainErrors } from '../names.ts';
import { hasFormat } from '../schema/formats.ts';
import { declare, type Overload, traversal } from './overloads.ts';
import { CelList, type Opaque, Optional } from './values.ts';

class FormatValue implements Opaque {
  readonly opaque = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly validate: (text: string) => readonly string[];
  constructor(name: string, validate: (text: string) => readonly string[]) {
    this.name = name;
    this.validate = validate;
  }
  equals(other: Opaque): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}

const pattern = (regex: RegExp, max: number, text: string) => (value: string) =>
  value.length <= max && regex.test(value) ? [] : [text];
const known = (name: string, text: string) => (value: string) => (hasFormat(name, value) ? [] : [text]);
/** Names that something is appended to may end in `-`. */
const prefix = (validate: (text: string) => readonly string[]) => (value: string) =>
  validate(value.endsWith('-') ? `${value.slice(0, -1)}a` : value);
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const qualifiedName =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;

const formats: { readonly [name: string]: (text: string) => readonly string[] } = {
  dns1123Label: dns1123LabelErrors,
  dns1123Subdomain: dns1123SubdomainErrors,
  dns1035Label: dns1035LabelErrors,
  dns1123LabelPrefix: prefix(dns1123LabelErrors),
  dns1123SubdomainPrefix: prefix(dns1123SubdomainErrors),
  dns1035LabelPrefix: prefix(dns1035LabelErrors),
  qualifiedName: pattern(qualifiedName, 317, 'must be a qualified name'),
  labelValue: pattern(
    labelValue,
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  ),
  uri: known('uri', 'invalid URI'),
  uuid: known('uuid', 'does not match the UUID format'),
  byte: known('byte', 'invalid base64'),
  date: known('date', 'invalid date'),
  datetime: known('date-time', 'invalid datetime'),
};

export const formatFunctions: readonly Overload[] = [
  declare(
    'format.named(string): optional<kubernetes.NamedFormat>',
    ([name]: [string]) =>
      new Optional(
        Object.hasOwn(formats, name) ? new FormatValue(name, formats[name] as FormatValue['validate']) : undefined,
      ),
  ),
  ...Object.entries(formats).map(([name, validate]) =>
    declare(`format.${name}(): kubernetes.NamedFormat`, () => new FormatValue(name, validate)),
  ),
  declare(
    'kubernetes.NamedFormat::validate(string): optional<list<string>>',
    ([format, text]: [FormatValue, string]) => {
      const errors = format.validate(text);
      return new Optional(errors.length === 0 ? undefined : new CelList(errors));
    },
    ([, size = 0]) => traversal([size]),
  ),
];
