import { describe, expect, it } from 'vitest';
import { withoutMessages } from './message-literals.ts';

describe('objects made by expressions', () => {
  it.each([
    ['Object{spec: Object.spec{replicas: 1}}', '{"spec": {"replicas": 1}}'],
    ['Object{}', '{}'],
    ['Object{?spec: x.?y, ?`a-b`: z}', '{?"spec": x.?y, ?"a-b": z}'],
    [
      '[JSONPatch{op: "add", path: "/a", value: {"k": object.x}}]',
      '[{"op": "add", "path": "/a", "value": {"k": object.x}}]',
    ],
    [
      'Object{metadata: Object.metadata{labels: {"a,b": f(1, 2), "c": "}"}}}',
      '{"metadata": {"labels": {"a,b": f(1, 2), "c": "}"}}}',
    ],
    [
      "Object {\n  spec: x ? a : b, // Object{a: 1}\n  kind: 'Object{a: 1}'}",
      '{\n  "spec": x ? a : b, // Object{a: 1}\n  "kind": \'Object{a: 1}\'}',
    ],
    ['Object{`a-b`: [1, 2].map(x, x + 1)}', '{"a-b": [1, 2].map(x, x + 1)}'],
    ['object.Object == r"\\" && {a: 1}.size() > 0', 'object.Object == r"\\" && {a: 1}.size() > 0'],
    ['"""Object{a: \\""" 1}""" + Object{a: 1}.a', '"""Object{a: \\""" 1}""" + {"a": 1}.a'],
  ])('%s is %s', (expression, plain) => {
    expect(withoutMessages(expression)).toBe(plain);
  });

  it('knows what a JSONPatch has', () => {
    expect(() => withoutMessages('JSONPatch{opp: "add"}')).toThrow("undefined field 'opp'");
  });
});
