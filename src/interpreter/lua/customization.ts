/**
 * The declarative layer: ResourceInterpreterCustomizations. Those of one kind are ordered by name and the first script of an
 * operation answers, except for dependencies, where all scripts are run and their answers put together.
 */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { apiVersionOf, type GroupVersionKind } from '../../apimachinery/group-version.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { ResourceInterpreterCustomization } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { createBreakers } from '../breaker.ts';
import { mergeReferences } from '../dependent-references.ts';
import {
  type InterpretationListener,
  type InterpreterLayer,
  type InterpreterOperation,
  type InterpreterOperations,
  interpreterOperations,
} from '../interpreter.ts';
import { type LuaScript, scriptOperations, scriptsOf } from './operations.ts';
import { LuaError, type LuaPool } from './pool.ts';

type Customization = DeepReadonly<ResourceInterpreterCustomization>;

export interface DeclarativeLayerOptions {
  pool: LuaPool;
  /** Told of every script that fails. */
  onFailure?(customization: Customization, operation: InterpreterOperation, message: string): void;
  clock?: Clock;
}

export interface DeclarativeLayer extends InterpreterLayer {
  /** Adds or replaces one. */
  set(customization: Customization): void;
  delete(customization: Customization): void;
}

type Scripts = Partial<Record<InterpreterOperation, string>>;

interface Entry {
  customization: Customization;
  scripts: Scripts;
}

export function createDeclarativeLayer(options: DeclarativeLayerOptions): DeclarativeLayer {
  const breakers = createBreakers({
    clock: options.clock ?? systemClock,
    counts: (error) => error instanceof LuaError && error.limit !== undefined,
    verb: 'stopped',
  });
  const byName = new Map<string, Entry>();
  /** Entries of a kind, ordered by name. */
  const byKind = new Map<string, Entry[]>();
  const listeners = new Set<InterpretationListener>();

  function index(kind: string): void {
    const entries = [...byName.values()].filter((entry) => kindKeyOf(entry.customization) === kind);
    entries.sort((a, b) => (nameOf(a.customization) < nameOf(b.customization) ? -1 : 1));
    if (entries.length === 0) byKind.delete(kind);
    else byKind.set(kind, entries);
  }

  function changed(kinds: readonly string[]): void {
    for (const kind of kinds) index(kind);
    for (const listener of listeners) listener((kind) => kinds.includes(kindKey(kind)));
  }

  function forget(name: string): void {
    for (const operation of interpreterOperations) breakers.forget(breakerOf(name, operation));
  }

  function scriptOf(entry: Entry, operation: InterpreterOperation): LuaScript | undefined {
    const script = entry.scripts[operation];
    if (script === undefined) return undefined;
    const name = nameOf(entry.customization);
    return {
      async call(request) {
        try {
          return await breakers.guard(breakerOf(name, operation), () =>
            options.pool.call({ chunk: name, script, ...request }),
          );
        } catch (error) {
          // What changed meanwhile is no longer of interest.
          if (byName.get(name) === entry) options.onFailure?.(entry.customization, operation, (error as Error).message);
          throw new Error(`ResourceInterpreterCustomization(${name}) ${operation}: ${(error as Error).message}`, {
            cause: error,
          });
        }
      },
    };
  }

  return {
    name: 'declarative',
    find<O extends InterpreterOperation>(kind: GroupVersionKind, operation: O): InterpreterOperations[O] | undefined {
      const scripts = (byKind.get(kindKey(kind)) ?? []).flatMap((entry) => scriptOf(entry, operation) ?? []);
      const [first] = scripts;
      if (first === undefined) return undefined;
      if (operation === 'InterpretDependency') {
        const all: InterpreterOperations['InterpretDependency'] = async (object) => {
          const answers = [];
          for (const script of scripts) answers.push(...(await scriptOperations(script).InterpretDependency(object)));
          return mergeReferences(answers);
        };
        return all as InterpreterOperations[O];
      }
      return scriptOperations(first)[operation];
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(customization) {
      const name = nameOf(customization);
      const before = byName.get(name);
      byName.set(name, { customization, scripts: scriptsOf(customization) });
      forget(name);
      const kinds = new Set([kindKeyOf(customization)]);
      if (before !== undefined) kinds.add(kindKeyOf(before.customization));
      changed([...kinds]);
    },
    delete(customization) {
      const name = nameOf(customization);
      const before = byName.get(name);
      if (before === undefined) return;
      byName.delete(name);
      forget(name);
      changed([kindKeyOf(before.customization)]);
    },
  };
}

/** One an operation: what its other scripts answer does not excuse the one that is stopped. */
const breakerOf = (name: string, operation: InterpreterOperation): string => `${name}/${operation}`;
const nameOf = (customization: Customization): string => customization.metadata.name ?? '';
const kindKey = (kind: Readonly<GroupVersionKind>): string => `${apiVersionOf(kind)}|${kind.kind}`;
const kindKeyOf = ({ spec: { target } }: Customization): string => `${target.apiVersion}|${target.kind}`;
