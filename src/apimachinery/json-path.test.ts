import { describe, expect, it } from 'vitest';
import { compileJsonPath } from './json-path.ts';

const object = {
  spec: {
    replicas: 3,
    'a.b': 'dotted',
    list: [
      { name: 'x', n: 1 },
      { name: 'y', n: 2 },
    ],
    empty: [],
  },
  metadata: { labels: { 'app.kubernetes.io/name': 'web' } },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Scheduled', status: 'False' },
    ],
  },
};

describe('compileJsonPath', () => {
  const table: [string, unknown[]][] = [
    ['.spec.replicas', [3]],
    ['.spec.missing.deeper', []],
    ['.spec["a.b"]', ['dotted']],
    [".spec['a.b']", ['dotted']],
    ['.spec.a\\.b', ['dotted']],
    ['.metadata.labels.app\\.kubernetes\\.io/name', ['web']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type == 'Scheduled')].status", ['False']],
    ['.status.conditions[?(@.type!="Ready")].type', ['Scheduled']],
    ['.spec.list[?(@.n>1)].name', ['y']],
    ['.spec.list[*].name', ['x', 'y']],
    ['.spec.list[-1].name', ['y']],
    ['.spec.list[0:1].name', ['x']],
    ['.spec.list[0,1].n', [1, 2]],
    ['..name', ['x', 'y']],
    ['.spec.replicas.deeper', []],
    ['.constructor', []],
  ];
  it.each(table)('%s', (path, expected) => {
    expect(compileJsonPath(path)(object)).toEqual(expected);
  });

  it.each(['spec', '.spec[', '.a[?(@.b=="c]', '', '.a[x]', '.a b'])('refuses %j', (path) => {
    expect(() => compileJsonPath(path)).toThrow();
  });
});
