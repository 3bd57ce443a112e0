/** Every field, as kubectl describes kinds that it does not know. */
import type { Unstructured } from '../../apimachinery/object.ts';
import type { Page } from './page.ts';
import { head, labelsAndAnnotations, sortedKeys } from './texts.ts';

const shownAbove = ['managedFields', 'name', 'namespace', 'labels', 'annotations'];

export function describeGeneric(page: Page, object: Unstructured): void {
  head(page, object);
  labelsAndAnnotations(page, object);
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !shownAbove.includes(key)));
  fields(page, { ...object, metadata }, 0);
}

function fields(page: Page, value: object, level: number): void {
  const map = value as Readonly<Record<string, unknown>>;
  for (const key of sortedKeys(map)) {
    const field = map[key];
    if (!isContainer(field)) {
      page.line(level, `${titleOf(key)}:`, valueText(field));
      continue;
    }
    page.line(level, `${titleOf(key)}:`);
    if (!Array.isArray(field)) fields(page, field, level + 1);
    else
      for (const item of field) {
        if (isContainer(item) && !Array.isArray(item)) fields(page, item, level + 1);
        else page.line(level + 1, valueText(item));
      }
  }
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

function valueText(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(valueText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const map = value as Record<string, unknown>;
  return `map[${sortedKeys(map)
    .map((key) => `${key}:${valueText(map[key])}`)
    .join(' ')}]`;
}

const acronyms = ['API', 'URL', 'UID', 'OSB', 'GUID'];

/** `observedGeneration` → `Observed Generation`; keys that are no field names stay. */
function titleOf(key: string): string {
  if (/[^\p{L}-]/u.test(key)) return key;
  const words = key
    .replace(/([^\p{Lu}-])(\p{Lu})|(\p{Lu})(?=\p{Lu}[^\p{Lu}-])/gu, (_, low, up, last) =>
      last === undefined ? `${low}\n${up}` : `${last}\n`,
    )
    .replace(/-+/g, '\n$&\n')
    .split('\n')
    .filter((word) => word !== '');
  return words
    .map((word) => {
      const upper = word.toUpperCase();
      return acronyms.includes(upper) ? upper : upper.charAt(0) + word.slice(1).toLowerCase();
    })
    .join(' ');
}
