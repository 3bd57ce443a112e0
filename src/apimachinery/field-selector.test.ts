import { describe, expect, it } from 'vitest';
import { formatFieldSelector, matchesFields, parseFieldSelector, requiredFieldValue } from './field-selector.ts';

const fields: Record<string, string> = { 'metadata.name': 'web', 'status.phase': 'Running', odd: 'a,b=c\\d' };
const get = (field: string): string | undefined => fields[field];

describe('parseFieldSelector', () => {
  it.each([
    ['', true],
    ['metadata.name=web', true],
    ['metadata.name==web', true],
    ['metadata.name!=web', false],
    ['metadata.name=web,status.phase!=Failed', true],
    ['metadata.name=', false],
    ['odd=a\\,b\\=c\\\\d', true],
  ])('%j matches: %s', (text, matches) => {
    expect(matchesFields(parseFieldSelector(text), get)).toBe(matches);
  });

  it('refuses a term without operator', () => {
    expect(() => parseFieldSelector('a=b,c')).toThrow("invalid selector: 'a=b,c'; can't understand 'c'");
    expect(() => parseFieldSelector('a=b=c')).toThrow('unescaped character in value: =');
  });

  it('refuses a field that cannot be selected', () => {
    expect(() => matchesFields(parseFieldSelector('spec.x=1'), get)).toThrow('field label not supported: spec.x');
  });

  it('reads back what it formats, and knows a fixed value', () => {
    const requirements = [
      { field: 'odd', value: 'a,b=c\\d', negated: false },
      { field: 'x', value: '', negated: true },
    ];
    expect(parseFieldSelector(formatFieldSelector(requirements))).toEqual(requirements);
    expect(requiredFieldValue(requirements, 'odd')).toBe('a,b=c\\d');
    expect(requiredFieldValue(requirements, 'x')).toBeUndefined();
  });
});
