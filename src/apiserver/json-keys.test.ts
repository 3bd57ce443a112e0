import { describe, expect, it } from 'vitest';
import { duplicateKeys, parseJson } from './json-keys.ts';

describe('duplicate keys', () => {
  it.each([
    ['{"a":1,"b":{"a":2}}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"spec":{"c":[{"n":1},{"n":1,"n":2}]}}', ['spec.c[1].n']],
    [' { "a" : "x\\"}" , "b" : [ ] , "a" : { } } ', ['a']],
    ['{"a\\u0062":1,"ab":2}', ['ab']],
    ['{"a":1,"a":2,"a":3}', ['a']],
    ['{"a":": {\\": [","b:":"","__proto__":{"c":1}}', []],
    ['{"__proto__":1,"__proto__":2,"1":{},"1":{}}', ['__proto__', '1']],
    ['[]', []],
    ['"text"', []],
    ['{"a":[[1,2],[{"x":true,"x":null}]]}', ['a[1][0].x']],
  ])('%s', (text, paths) => {
    expect(duplicateKeys(text)).toEqual(paths);
    expect(parseJson(text)).toEqual({ value: JSON.parse(text), duplicates: paths });
  });
});
