/** Field selectors: `metadata.name=a,status.phase!=Running`. */
import { badRequest } from './status-error.ts';

export interface FieldRequirement {
  field: string;
  value: string;
  /** `!=`. */
  negated: boolean;
}

/** Parses the text form; a backslash escapes comma, equals sign and backslash in values. Throws BadRequest. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const [, field, operator, value] = /^((?:\\.|[^\\=!]|!(?!=))*)(!=|==|=)([\s\S]*)$/.exec(term) ?? [];
    if (field === undefined || operator === undefined || value === undefined)
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push({ field, value: unescapeValue(value), negated: operator === '!=' });
  }
  return requirements;
}

/**
 * Whether an object fulfils all requirements. `get` gives a field's value, or undefined for a field that cannot be selected,
 * which throws BadRequest.
 */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  get: (field: string) => string | undefined,
): boolean {
  for (const { field, value, negated } of requirements) {
    const actual = get(field);
    if (actual === undefined) throw fieldNotSupported(field);
    if ((actual === value) === negated) return false;
  }
  return true;
}

export const fieldNotSupported = (field: string): Error => badRequest(`field label not supported: ${field}`);

/** The value that a field must have, when a requirement fixes it: lets a list on metadata.name become a get. */
export function requiredFieldValue(requirements: readonly FieldRequirement[], field: string): string | undefined {
  return requirements.find((requirement) => requirement.field === field && !requirement.negated)?.value;
}

export function formatFieldSelector(requirements: readonly FieldRequirement[]): string {
  return requirements.map((r) => `${r.field}${r.negated ? '!=' : '='}${escapeFieldValue(r.value)}`).join(',');
}

export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(value: string): string {
  let plain = '';
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === '\\') {
      const next = value.charAt(++i);
      if (next !== '\\' && next !== ',' && next !== '=')
        throw badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
      plain += next;
    } else if (char === '=' || char === ',') {
      throw badRequest(`invalid field selector: unescaped character in value: ${char}`);
    } else plain += char;
  }
  return plain;
}
