import { describe, expect, it } from 'vitest';
import { formatIndexes, parseIndexes } from './indexes.ts';

describe('sets of indexes', () => {
  it.each(['', '0', '0-2', '0,1', '0-2,5', '1,3-5,7,8'])('%s is read and written alike', (text) => {
    expect(formatIndexes(parseIndexes(text))).toBe(text);
  });
});
