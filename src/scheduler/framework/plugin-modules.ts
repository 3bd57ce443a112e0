/** Plugins of one's own: ES modules that export `plugins`, an array in the form of `Plugin`. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../errors.ts';
import type { Plugin } from './framework.ts';

/** In the order of the files. Rejects with the file's name when one cannot be loaded or is no plugin, or a name is taken. */
export async function loadPluginModules(files: readonly string[], known: readonly Plugin[]): Promise<Plugin[]> {
  const names = new Set(known.map(({ name }) => name));
  const loaded: Plugin[] = [];
  for (const file of files) {
    let exported: { plugins?: unknown };
    try {
      exported = await import(pathToFileURL(resolve(file)).href);
    } catch (error) {
      throw new Error(`cannot load the plugin module ${file}: ${messageOf(error)}`, { cause: error });
    }
    if (!Array.isArray(exported.plugins))
      throw new Error(`the plugin module ${file} does not export an array "plugins"`);
    for (const candidate of exported.plugins as unknown[]) {
      const problem = problemOf(candidate);
      if (problem !== undefined) throw new Error(`the plugin module ${file} exports what is no plugin: ${problem}`);
      const plugin = candidate as Plugin;
      if (names.has(plugin.name))
        throw new Error(`the plugin module ${file} exports ${plugin.name}: the name is taken`);
      names.add(plugin.name);
      loaded.push(plugin);
    }
  }
  return loaded;
}

function problemOf(candidate: unknown): string | undefined {
  if (typeof candidate !== 'object' || candidate === null) return 'it is not an object';
  const { name, ...rest } = candidate as Record<string, unknown>;
  if (typeof name !== 'string' || !/^[A-Za-z]\w*$/.test(name)) return 'its name is not a word';
  for (const hook of ['filter', 'score', 'normalizeScore'] as const)
    if (rest[hook] !== undefined && typeof rest[hook] !== 'function') return `${name}.${hook} is not a function`;
  if (rest['filter'] === undefined && rest['score'] === undefined) return `${name} has neither filter nor score`;
  return undefined;
}
