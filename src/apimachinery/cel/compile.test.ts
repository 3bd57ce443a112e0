import { describe, expect, it } from 'vitest';
import { compile, compileErrorText } from './compile.ts';
import { CompileError } from './node.ts';
import { dyn, parseType } from './types.ts';
import { fromJson } from './values.ts';

const object = {
  a: 1,
  name: 'foo-bar',
  list: [3, 1, 2],
  tags: ['x', 'y'],
  map: { one: 1, two: 2 },
  deep: { inner: { value: 'v' } },
};

function evaluate(expression: string, budget = { left: 100_000 }): unknown {
  return compile(expression, { self: dyn }).evaluate({ self: fromJson(object) }, budget);
}

describe('expressions that hold', () => {
  it.each([
    ['1 + 2 * 3 == 7 && 7 / 2 == 3 && -7 % 3 == -1'],
    ['self.a + 1 == 2'],
    ["self.name.startsWith('foo') && self.name.endsWith('bar') && self.name.contains('o-b')"],
    ["self.name.matches('^[a-z]+-[a-z]+$') && !self.name.matches('^b')"],
    ['self.list.all(x, x > 0) && self.list.exists(x, x == 3) && self.list.exists_one(x, x < 2)'],
    [
      'self.list.map(x, x * 2) == [6, 2, 4] && self.list.filter(x, x > 1).size() == 2 && self.list.map(x, x > 1, x) == [3, 2]',
    ],
    ['self.list.all(i, v, i < 3 && v < 4) && self.map.all(k, v, size(k) == 3 && v <= 2)'],
    [
      'self.map.transformMap(k, v, v * 10) == {"one": 10, "two": 20} && self.list.transformList(i, v, i + v) == [3, 2, 4]',
    ],
    ["has(self.deep.inner) && !has(self.deep.other) && self.?deep.?other.orValue('d') == 'd'"],
    ["self[?'none'].hasValue() == false && self.list[?5].orValue(9) == 9 && self.list[0] == 3"],
    ['self.?a.optMap(x, x + 1).value() == 2 && optional.none().orValue(1) == 1'],
    ['cel.bind(x, self.a + 1, x * x) == 4'],
    ['[?self.?a, 2, ?self.?none] == [1, 2] && [?(self.?none)] == [] && self.list[?0].hasValue()'],
    ["{?'a': self.?a, 'b': [?self.?none, 7][0]} == {'a': 1, 'b': 7} && size({?'x': self.?none}) == 0"],
    [
      'self.list.map(x, [?optional.of(x), 9]) == [[3, 9], [1, 9], [2, 9]] && \'[?\' == "[?" && (true ? [1] : [2]) == [1]',
    ],
    ["'one' in self.map && 3 in self.list && !(9 in self.list)"],
    [
      'self.list.sum() == 6 && self.list.max() == 3 && self.list.min() == 1 && !self.list.isSorted() && [1, 2].isSorted()',
    ],
    ["['a', 'b', 'a'].indexOf('a') == 0 && ['a', 'b', 'a'].lastIndexOf('a') == 2"],
    ["'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && 'tacocat'.charAt(1) == 'a'"],
    ["'aéx'.size() == 3 && 'aéx'.indexOf('x') == 2 && 'aéx'.substring(1, 2) == 'é'"],
    ["'a,b,c'.split(',').join('-') == 'a-b-c' && 'a,b,c'.split(',', 2) == ['a', 'b,c']"],
    ["'hello'.replace('l', 'L', 1) == 'heLlo' && ' x '.trim() == 'x' && 'Ab'.lowerAscii() == 'ab'"],
    [`'%s has %d of %.2f (%x)'.format(['a', 3, 1.5, 255]) == 'a has 3 of 1.50 (ff)'`],
    ["quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('500m').add(quantity('500m')).asInteger() == 1"],
    ["isQuantity('10Mi') && !isQuantity('x') && quantity('50k').compareTo(quantity('50000')) == 0"],
    [
      "url('https://u@example.com:80/p?q=1').getHost() == 'example.com:80' && url('https://[::1]:80/').getHostname() == '::1'",
    ],
    [
      "isURL('https://a.b/c') && !isURL('a.b') && url('/p/q').getEscapedPath() == '/p/q' && url('https://a:443').getPort() == '443'",
    ],
    ["ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && isIP('::ffff') && !isIP('1.2.3.256')"],
    ["cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0')"],
    ["cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && ip.isCanonical('::1') && !ip.isCanonical('0::1')"],
    ["'abc 123 de 45'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == '' && 'abc'.find('b*') == ''"],
    ["'1 22 333'.findAll('[0-9]+') == ['1', '22', '333'] && '1 22 333'.findAll('[0-9]+', 2) == ['1', '22']"],
    ["'abc'.findAll('x').size() == 0 && 'aab'.findAll('a|ab') == ['a', 'a'] && 'ab'.findAll('a', 0) == []"],
    ["'baaac'.findAll('a*') == ['', 'aaa', '']"],
    ["semver('1.2.3').isLessThan(semver('1.10.0')) && semver('v1.2', true).minor() == 2 && !isSemver('v1.2')"],
    ["semver('1.0.0-rc.1').compareTo(semver('1.0.0')) == -1"],
    [
      "format.dns1123Label().validate('a-b') == optional.none() && format.named('dns1123Label').value().validate('A').hasValue()",
    ],
    ["duration('1h30m') > duration('80m') && duration('90s').getMinutes() == 1"],
    ["timestamp('2024-01-01T00:00:00Z') + duration('24h') == timestamp('2024-01-02T00:00:00Z')"],
    ["timestamp('2024-02-01T10:00:00Z').getMonth() == 1 && timestamp('2024-01-01T00:00:00Z').getHours('+02:00') == 2"],
    ["int('42') == 42 && string(1.5) == '1.5' && double(2) == 2.0 && type(1) == int && uint(3) == 3u"],
    ['dyn(1) == dyn(1.0) && dyn(1) < dyn(1.5) && dyn("a") != dyn(1)'],
    ['sets.contains([1, 2, 3], [1]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])'],
    ['true || self.none.x == 1'],
    ['self.none == 1 || true'],
    ['!(false && self.none)'],
    ['[1, 0].exists(x, 4 / x == 4)'],
  ])('%s', (expression) => expect(evaluate(expression)).toBe(true));
});

describe('what goes wrong at run time', () => {
  it.each([
    ['self.none', 'no such key: none'],
    ['1 / 0 == 1', 'division by zero'],
    ['9223372036854775807 + 1 == 0', 'integer overflow'],
    ['self.list[7]', 'index out of bounds: 7'],
    ['self.a + "x"', 'no such overload'],
    ["ip('x')", 'IP Address "x" parse error during conversion from string'],
  ])('%s', (expression, message) => expect(() => evaluate(expression)).toThrow(message));
});

describe('what does not compile', () => {
  const types = { self: parseType('map<string, int>'), text: parseType('string') };
  it.each([
    ['[?1]', "expected type 'optional_type' but found 'int'"],
    ['foo', "undeclared reference to 'foo' (in container '')"],
    ['self.a +', 'Syntax error'],
    ["1 + 'a'", "found no matching overload for '_+_' applied to '(int, string)'"],
    ['text == 1', "found no matching overload for '_==_' applied to '(string, int)'"],
    ['text.size(1)', "found no matching overload for 'size' applied to 'string.(int)'"],
    ['text.nope()', "undeclared reference to 'nope'"],
    ['text.all(x, true)', "expression of type 'string' cannot be range of a comprehension"],
    ['self.all(x, 1)', "expected type 'bool' but found 'int'"],
    ['has(self)', 'invalid argument to has() macro'],
    ['self.exists(x, y, self.toString())', "undeclared reference to 'toString'"],
  ])('%s', (expression, message) => expect(() => compile(expression, types)).toThrow(message));

  it('tells the place', () => {
    try {
      compile('text == \nfoo', types);
      expect.unreachable();
    } catch (error) {
      expect(compileErrorText('text == \nfoo', error as CompileError)).toBe(
        "compilation failed: ERROR: <input>:2:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^",
      );
    }
  });
});

describe('bounded work', () => {
  const many = `[${Array.from({ length: 100 }, (_, i) => i).join(',')}]`;
  it('ends an expression that does too much', () => {
    const nested = `${many}.all(a, ${many}.all(b, ${many}.all(c, a + b + c >= 0)))`;
    expect(() => evaluate(nested)).toThrow('actual cost limit exceeded');
  });
  it('is not talked out of it by an operator that absorbs errors', () => {
    const nested = `${many}.all(a, ${many}.all(b, ${many}.all(c, a + b + c >= 0))) || true`;
    expect(() => evaluate(nested)).toThrow('actual cost limit exceeded');
  });
  it('counts what strings cost that grow', () => {
    const growing = `[1,2,3,4,5,6,7,8,9,10].map(x, 'aaaaaaaaaaaaaaaaaaaa'.replace('a', 'aaaaaaaaaaaaaaaaaaaa').replace('a', 'aaaaaaaaaaaaaaaaaaaa').replace('a', 'aaaaaaaaaaaaaaaaaaaa').replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa').size() > 0).size() > 0`;
    expect(() => evaluate(growing)).toThrow('actual cost limit exceeded');
  });
  it('matches patterns that make other engines backtrack', () => {
    expect(evaluate("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')")).toBe(false);
  });
  it.each([
    ['long chains', `1${' + 1'.repeat(5_000)} > 0`],
    ['nested brackets', `${'('.repeat(5_000)}1${')'.repeat(5_000)}`],
    ['nested lists', `${'['.repeat(5_000)}1${']'.repeat(5_000)}`],
    ['too many words', `[${'1,'.repeat(50_000)}1]`],
  ])('refuses %s', (_name, expression) => expect(() => compile(expression, {})).toThrow(CompileError));
  it('takes chains of a usual length', () => expect(evaluate(`1${' + 1'.repeat(500)} == 501`)).toBe(true));
  it('estimates by the sizes of the types', () => {
    const cost = (max: number) =>
      compile('self.all(x, self.all(y, x == y))', { self: { kind: 'list', item: { kind: 'string', max: 10 }, max } })
        .cost;
    expect(cost(1000) / cost(10)).toBeGreaterThan(5_000);
  });
});
