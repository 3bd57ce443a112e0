import { describe, expect, it } from 'vitest';
import { describeFields } from './describe-fields.ts';
import { list, object, string } from './schema-parts.ts';

describe('descriptions of fields', () => {
  const schema = object({ spec: object({ taints: list(object({ key: string, value: string })) }) });

  it('are put where the path leads, through lists, without touching shared nodes', () => {
    const described = describeFields(schema, {
      '': 'A thing.',
      'spec.taints': 'Its taints.',
      'spec.taints.key': 'The key.',
    });
    expect(described.description).toBe('A thing.');
    const taints = described.properties?.['spec']?.properties?.['taints'];
    expect(taints?.description).toBe('Its taints.');
    expect(taints?.items?.properties?.['key']).toEqual({ type: 'string', description: 'The key.' });
    expect(taints?.items?.properties?.['value']).toBe(string);
    expect(string).toEqual({ type: 'string' });
  });

  it('name a path that does not exist', () => {
    expect(() => describeFields(schema, { 'spec.nothing': 'x' })).toThrow('there is no field spec.nothing to describe');
  });
});
