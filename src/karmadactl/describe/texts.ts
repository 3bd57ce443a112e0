/** Texts and blocks that descriptions of several kinds share. */
import type { OwnerReference } from '../../apimachinery/object.ts';
import { formatQuantity, tryParseQuantity } from '../../apimachinery/quantity.ts';
import type { Page } from './page.ts';

type Texts = { readonly [key: string]: string } | undefined;
export type Quantities = { readonly [name: string]: string } | undefined;

export const sortedKeys = (map: object | undefined): string[] => Object.keys(map ?? {}).sort();

/** One entry in each line under a title. `indent` stands before every line. */
export function block(page: Page, title: string, entries: readonly string[], indent = ''): void {
  page.write(0, `${indent}${title}:\t`);
  if (entries.length === 0) page.end('<none>');
  for (const [at, entry] of entries.entries()) {
    if (at > 0) {
      page.write(0, indent);
      page.write(0, '\t');
    }
    page.write(0, `${entry}\n`);
  }
}

export function labelBlock(page: Page, title: string, labels: Texts, indent = ''): void {
  block(
    page,
    title,
    sortedKeys(labels).map((key) => `${key}=${labels?.[key]}`),
    indent,
  );
}

export const longestLine = 140;

/** Long values and those of several lines stand under their keys. */
export function annotationBlock(page: Page, title: string, annotations: Texts): void {
  const entries = sortedKeys(annotations)
    .filter((key) => key !== 'kubectl.kubernetes.io/last-applied-configuration')
    .flatMap((key) => {
      const value = (annotations?.[key] ?? '').replace(/\n$/, '');
      if (Buffer.byteLength(value) + Buffer.byteLength(key) + 2 <= longestLine && !value.includes('\n'))
        return [`${key}: ${value}`];
      return [`${key}:`, ...value.split('\n').map((line) => `  ${shortened(line, longestLine - 2)}`)];
    });
  block(page, title, entries);
}

export function shortened(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  return whole.length > bytes ? `${whole.subarray(0, bytes)}...` : text;
}

interface Described {
  readonly metadata: {
    readonly name?: string | undefined;
    readonly namespace?: string | undefined;
    readonly labels?: Texts;
    readonly annotations?: Texts;
  };
}

export function head(page: Page, { metadata }: Described, namespaced = true): void {
  page.line(0, 'Name:', metadata.name ?? '');
  if (namespaced) page.line(0, 'Namespace:', metadata.namespace ?? '');
}

export function labelsAndAnnotations(page: Page, { metadata }: Described): void {
  labelBlock(page, 'Labels', metadata.labels);
  annotationBlock(page, 'Annotations', metadata.annotations);
}

const dashesUnder = (heads: readonly string[]): string[] => heads.map((text) => '-'.repeat(text.length));

/** A table with dashes under its heads. */
export function table(
  page: Page,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  level = 1,
  dashes: readonly string[] = dashesUnder(heads),
): void {
  for (const row of [heads, dashes, ...rows]) page.line(level, ...row);
}

interface StateCondition {
  readonly type?: string | undefined;
  readonly status?: string | undefined;
  readonly reason?: string | undefined;
}

/** Conditions of the kinds that tell type, status and reason alone. */
export function conditionTable(page: Page, conditions: readonly StateCondition[] | undefined): void {
  if (!conditions?.length) return;
  page.line(0, 'Conditions:');
  table(
    page,
    ['Type', 'Status', 'Reason'],
    conditions.map(({ type, status, reason }) => [`${type} `, status ?? '', reason ?? '']),
  );
}

export function controllerLine(page: Page, owners: readonly OwnerReference[] | undefined): void {
  const owner = owners?.find(({ controller }) => controller === true);
  if (owner !== undefined) page.line(0, 'Controlled By:', `${owner.kind}/${owner.name}`);
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

function offsetText(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

const clockText = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** `Mon, 02 Jan 2006 15:04:05 +0000` in the zone of the user. */
export function timeText(time: string | undefined): string {
  if (!time) return 'Mon, 01 Jan 0001 00:00:00 +0000';
  const date = new Date(time);
  const day = `${weekdays[date.getDay()]}, ${two(date.getDate())} ${months[date.getMonth()]} ${date.getFullYear()}`;
  return `${day} ${clockText(date)} ${offsetText(date)}`;
}

/** `CET`. Each of these languages knows the short names of other zones; where none does, the offset stands for it. */
function zoneText(date: Date): string {
  const names = ['en-US', 'en-GB', 'en-IN', 'en-AU', 'en-ZA'].map(
    (language) =>
      new Intl.DateTimeFormat(language, { timeZoneName: 'short' })
        .formatToParts(date)
        .find(({ type }) => type === 'timeZoneName')?.value ?? '',
  );
  return names.find((name) => /^[A-Z]+$/.test(name)) ?? offsetText(date);
}

/** `2006-01-02 15:04:05 +0000 UTC` in the zone of the user. */
export function plainTimeText(time: string | undefined): string {
  if (!time) return '0001-01-01 00:00:00 +0000 UTC';
  const date = new Date(time);
  const zone = zoneText(date);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockText(date)} ${offsetText(date)} ${zone}`;
}

export function quantityText(value: string | number | undefined): string {
  if (value === undefined) return '0';
  const quantity = tryParseQuantity(value);
  return quantity === undefined ? String(value) : formatQuantity(quantity);
}

export function quantityLines(page: Page, level: number, quantities: Quantities): void {
  for (const name of sortedKeys(quantities)) page.line(level, `${name}:`, quantityText(quantities?.[name]));
}

/** `[a b]`, as lists are shown where nothing was made of them. */
export const listText = (values: readonly unknown[] | undefined): string => `[${(values ?? []).join(' ')}]`;

export const boolText = (value: boolean | undefined): string => (value ? 'True' : 'False');

export const optionalText = (value: string | number | boolean | undefined, absent = '<unset>'): string =>
  value === undefined || value === '' ? absent : String(value);
