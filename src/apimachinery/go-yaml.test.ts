import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { goYaml } from './go-yaml.ts';

describe('plain scalars are read as by sigs.k8s.io/yaml', () => {
  it.each([
    ['0644', 420],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b11', 3],
    ['1_000', 1000],
    ['09', 9],
    ['010.5', 10.5],
    ['-010', -8],
    ['+5', 5],
    ['.5', 0.5],
    ['1e3', 1000],
    ['y', true],
    ['yes', true],
    ['on', true],
    ['n', false],
    ['No', false],
    ['off', false],
    ['True', true],
    ['~', null],
    // These stay texts.
    ['"y"', 'y'],
    ['yEs', 'yEs'],
    ['12:30', '12:30'],
    ['2001-01-01', '2001-01-01'],
    ['1.2.3', '1.2.3'],
    ['0x', '0x'],
    ['_1', '_1'],
    ['1Gi', '1Gi'],
    ['=', '='],
  ])('%s', (text, value) => {
    expect(parse(`a: ${text}`, goYaml)).toEqual({ a: value });
  });

  it('merges maps, and reads keys as JSON has them', () => {
    expect(parse('x: &b {k: 1}\nz: {<<: *b, l: 2}\nn: 1', goYaml)).toEqual({
      x: { k: 1 },
      z: { k: 1, l: 2 },
      false: 1,
    });
  });
});
