/** Rules of ResourceInterpreterCustomization: one script an operation of a kind, and scripts that compile. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { ResourceInterpreterCustomization } from '../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { interpreterOperations } from '../interpreter/interpreter.ts';
import { scriptsOf } from '../interpreter/lua/operations.ts';

type Customization = DeepReadonly<ResourceInterpreterCustomization>;

/** What the rules have to ask for. */
export interface CustomizationContext {
  /** All that are stored. */
  list(): Promise<readonly Customization[]>;
  /** Compiles a script, not on this thread and without running it. @throws with what is wrong */
  compile(chunk: string, script: string): Promise<void>;
}

/** The first thing that is wrong, in the words of the refusal; empty when nothing is. */
export async function validateResourceInterpreterCustomization(
  customization: Customization,
  context: CustomizationContext,
): Promise<string[]> {
  const name = customization.metadata.name ?? '';
  const scripts = scriptsOf(customization);
  for (const existing of await context.list()) {
    const conflict = conflictWith(customization, existing);
    if (conflict !== undefined)
      return [
        `conflicting with InterpreterOperation(${conflict}) of existing ResourceInterpreterCustomization(${existing.metadata.name ?? ''})`,
      ];
  }
  for (const operation of interpreterOperations) {
    const script = scripts[operation];
    if (script === undefined) continue;
    try {
      await context.compile(name, script);
    } catch (error) {
      return [`InterpreterOperation(${operation}) Lua script error: ${(error as Error).message}`];
    }
  }
  return [];
}

/** Several may tell dependencies. */
function conflictWith(customization: Customization, existing: Customization): string | undefined {
  const { target } = customization.spec;
  if (customization.metadata.name === existing.metadata.name) return undefined;
  if (target.apiVersion !== existing.spec.target.apiVersion || target.kind !== existing.spec.target.kind)
    return undefined;
  const mine = scriptsOf(customization);
  const theirs = scriptsOf(existing);
  return interpreterOperations.find(
    (operation) =>
      operation !== 'InterpretDependency' && mine[operation] !== undefined && theirs[operation] !== undefined,
  );
}
