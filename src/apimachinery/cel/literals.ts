/** Lists and maps as they are written: `[1, ?x]`, `{"a": 1, ?"b": x}`. An entry with a question mark is an optional value, and stands only when there is one. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { CompileError, type Node, type Scope, spend } from './node.ts';
import { type CelType, dyn, join, listOf, typeName } from './types.ts';
import { CelError, CelList, LiteralMap, Optional, type Value } from './values.ts';

interface Entry {
  node: Node;
  /** Of what stands in the list or map in the end. */
  type: CelType;
  optional: boolean;
}

export function compileList(list: ASTNode & { op: 'list' }, scope: Scope): Node {
  let before = list.range.start;
  const items = list.args.map((item) => {
    const entry = compileEntry(item, scope, isMarked(scope, before, item.range.start));
    before = item.range.end;
    return entry;
  });
  const type = items.reduce<CelType>(
    (all, item) => join(all, item.type) ?? dyn,
    items[0]?.type ?? { kind: 'param', name: 'T' },
  );
  return {
    type: listOf(type, items.length),
    cost: items.reduce((sum, { node }) => sum + node.cost, 10),
    run(frame) {
      spend(frame, 10);
      return new CelList(
        items.map((item) => presentValue(item, item.node.run(frame))).filter((value) => value !== undefined),
      );
    },
  };
}

export function compileMap(map: ASTNode & { op: 'map' }, scope: Scope): Node {
  let before = map.range.start;
  const entries = map.args.map(([key, value]): [Node, Entry] => {
    const marked = isMarked(scope, before, key.range.start);
    before = value.range.end;
    return [scope.compile(key, scope), compileEntry(value, scope, marked)];
  });
  const [first] = entries;
  let key: CelType = first?.[0].type ?? { kind: 'param', name: 'K' };
  let value: CelType = first?.[1].type ?? { kind: 'param', name: 'V' };
  for (const [k, v] of entries) {
    key = join(key, k.type) ?? dyn;
    value = join(value, v.type) ?? dyn;
  }
  return {
    type: { kind: 'map', key, value, max: entries.length },
    cost: entries.reduce((sum, [k, { node }]) => sum + k.cost + node.cost, 30),
    run(frame) {
      spend(frame, 30);
      const present: [Value, Value][] = [];
      for (const [k, entry] of entries) {
        const at = k.run(frame);
        const found = presentValue(entry, entry.node.run(frame));
        if (found !== undefined) present.push([at, found]);
      }
      return new LiteralMap(present);
    },
  };
}

/** Whether a question mark stands between what was before an entry and the entry itself. */
const isMarked = ({ optionalMarks }: Scope, from: number, to: number): boolean =>
  optionalMarks.some((at) => at >= from && at < to);

function compileEntry(ast: ASTNode, scope: Scope, optional: boolean): Entry {
  const node = scope.compile(ast, scope);
  if (!optional) return { node, type: node.type, optional };
  if (node.type.kind === 'optional') return { node, type: node.type.value, optional };
  if (node.type.kind === 'dyn') return { node, type: dyn, optional };
  throw new CompileError(`expected type 'optional_type' but found '${typeName(node.type)}'`, ast.range.start);
}

function presentValue({ optional }: Entry, value: Value): Value | undefined {
  if (!optional) return value;
  if (!(value instanceof Optional)) throw new CelError('no such overload');
  return value.value;
}
