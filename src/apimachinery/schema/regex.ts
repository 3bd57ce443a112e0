/** Regular expressions from users: RE2 syntax in linear time, so that none of them can stall the process. */
import { createRequire } from 'node:module';
import type { RE2JS } from '@bufbuild/re2';

export interface SafeRegex {
  /** Whether any part of the text matches. */
  test(text: string): boolean;
}

/** Compiled once a pattern. Throws on a pattern that RE2 does not accept. The engine is loaded at first use (20 ms). */
export function compileRegex(pattern: string): SafeRegex {
  let compiled = cache.get(pattern);
  if (compiled === undefined) {
    compiled = engine().compile(pattern);
    if (cache.size >= maxCached) cache.clear();
    cache.set(pattern, compiled);
  }
  return compiled;
}

/** The longest text a pattern of a schema is tried on; longer ones count as not matching. */
export const maxRegexInput = 1024 * 1024;

const maxCached = 5_000;
const cache = new Map<string, SafeRegex>();
let loaded: typeof RE2JS | undefined;

function engine(): typeof RE2JS {
  loaded ??= (createRequire(import.meta.url)('@bufbuild/re2') as { RE2JS: typeof RE2JS }).RE2JS;
  return loaded;
}
