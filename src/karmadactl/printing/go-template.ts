/**
 * Go's text/template as far as `-o go-template` needs it: fields, variables, pipelines, `if`, `range`, `with`, `define`-less, and
 * the functions of text/template and of kubectl. Not there: `template`, `block`, methods.
 */

import { functions, goText, truth } from './go-template-functions.ts';
import { type Expression, type Node, type Pipeline, parseNodes, tokens } from './go-template-parse.ts';

class Leave extends Error {}

/** @throws when the template cannot be read; the printer throws when it cannot be executed */
export function compileGoTemplate(template: string, allowMissing = true): (root: unknown) => string {
  const nodes = parseNodes(tokens(template));
  return (root) => new Execution(root, allowMissing).run(nodes, root);
}

class Execution {
  private readonly allowMissing: boolean;
  private scopes: Map<string, unknown>[];

  constructor(root: unknown, allowMissing: boolean) {
    this.allowMissing = allowMissing;
    this.scopes = [new Map([['$', root]])];
  }

  run(nodes: readonly Node[], dot: unknown): string {
    let output = '';
    for (const node of nodes) {
      if (node.kind === 'text') output += node.text;
      else if (node.kind === 'print') {
        const value = this.pipeline(node.pipeline, dot);
        if (node.pipeline.declare.length === 0) output += goText(value);
      } else if (node.kind === 'break' || node.kind === 'continue')
        throw Object.assign(new Leave(node.kind), { output });
      else output += this.scoped(() => this.control(node, dot));
    }
    return output;
  }

  private control(node: Extract<Node, { body: Node[] }>, dot: unknown): string {
    if (node.kind === 'range') return this.range(node, dot);
    const value = this.pipeline(node.pipeline, dot);
    if (!truth(value)) return this.run(node.otherwise, dot);
    return this.run(node.body, node.kind === 'with' ? value : dot);
  }

  private range(node: Extract<Node, { body: Node[] }>, dot: unknown): string {
    const { declare } = node.pipeline;
    const value = this.expression(node.pipeline.commands[0] as Expression, dot);
    const entries: [unknown, unknown][] = Array.isArray(value)
      ? value.map((item, i) => [i, item])
      : typeof value === 'number'
        ? Array.from({ length: value }, (_, i) => [i, i])
        : typeof value === 'object' && value !== null
          ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
          : [];
    if (value !== null && value !== undefined && typeof value !== 'object' && typeof value !== 'number')
      throw new Error(`range can't iterate over ${goText(value)}`);
    if (entries.length === 0) return this.run(node.otherwise, dot);
    let output = '';
    for (const [key, item] of entries) {
      const names =
        declare.length === 2
          ? [
              [declare[0], key],
              [declare[1], item],
            ]
          : [[declare[0], item]];
      try {
        output += this.scoped(() => {
          for (const [name, bound] of names) if (name !== undefined) this.scopes.at(-1)?.set(name as string, bound);
          return this.run(node.body, item);
        });
      } catch (error) {
        if (!(error instanceof Leave)) throw error;
        output += (error as Leave & { output: string }).output;
        if (error.message === 'break') break;
      }
    }
    return output;
  }

  private scoped(run: () => string): string {
    const depth = this.scopes.length;
    this.scopes.push(new Map());
    try {
      return run();
    } finally {
      this.scopes.length = depth;
    }
  }

  private pipeline({ declare, assign, commands }: Pipeline, dot: unknown): unknown {
    const value = this.expression(commands[0] as Expression, dot);
    for (const name of declare) {
      const scope = assign ? this.scopes.findLast((each) => each.has(name)) : this.scopes.at(-1);
      if (scope === undefined) throw new Error(`undefined variable ${JSON.stringify(name)}`);
      scope.set(name, value);
    }
    return value;
  }

  private expression(expression: Expression, dot: unknown): unknown {
    switch (expression.kind) {
      case 'literal':
        return expression.value;
      case 'variable': {
        const scope = this.scopes.findLast((each) => each.has(expression.name));
        if (scope === undefined) throw new Error(`undefined variable ${JSON.stringify(expression.name)}`);
        return scope.get(expression.name);
      }
      case 'field': {
        let value = expression.of === undefined ? dot : this.expression(expression.of, dot);
        for (const name of expression.path) value = this.field(value, name);
        return value;
      }
      default: {
        // `and` and `or` stop at the first answer.
        if (expression.name === 'and' || expression.name === 'or') {
          let value: unknown;
          for (const arg of expression.args) {
            value = this.expression(arg, dot);
            if (truth(value) === (expression.name === 'or')) break;
          }
          return value;
        }
        return functions[expression.name]?.(...expression.args.map((arg) => this.expression(arg, dot)));
      }
    }
  }

  private field(value: unknown, name: string): unknown {
    if (value === undefined || value === null) {
      if (this.allowMissing) return undefined;
      throw new Error(`nil data; no entry for key ${JSON.stringify(name)}`);
    }
    if (typeof value !== 'object' || Array.isArray(value))
      throw new Error(
        `can't evaluate field ${name} in type ${Array.isArray(value) ? '[]interface {}' : 'interface {}'}`,
      );
    if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
    if (this.allowMissing) return undefined;
    throw new Error(`map has no entry for key ${JSON.stringify(name)}`);
  }
}
