/** Regular expressions from users: RE2 syntax in linear time, so that none of them can stall the process. */
import { createRequire } from 'node:module';
import type { RE2JS } from '@bufbuild/re2';
import { findMatch } from './linear-match.ts';

export interface SafeRegex {
  /** Whether any part of the text matches. Throws RegexLimit when that takes too much work. */
  test(text: string): boolean;
  /** The leftmost match from a place on, in code units. `budget.steps` counts down; throws RegexLimit below 0. */
  find(text: string, from: number, budget: { steps: number }): [start: number, end: number] | undefined;
}

/** Compiled once a pattern. Throws on a pattern that RE2 does not accept. The engine is loaded at first use (20 ms). */
export function compileRegex(pattern: string): SafeRegex {
  let compiled = cache.get(pattern);
  if (compiled === undefined) {
    if (pattern.length > maxPattern) throw new Error(`patterns may be at most ${maxPattern} characters long`);
    compiled = safe(engine().compile(pattern));
    if (cache.size >= maxCached) cache.clear();
    cache.set(pattern, compiled);
  }
  return compiled;
}

/** The longest text a pattern of a schema is tried on; longer ones count as not matching. */
export const maxRegexInput = 1024 * 1024;

/** Compiling takes the square of the length for some patterns: 50 ms at this one. */
const maxPattern = 16 * 1024;
/** Below this product of text and program the library's automaton is faster, and takes 10 ms at the most. */
const small = 20_000;
/** Threads times characters of one search: about half a second. */
const maxSteps = 20_000_000;
const maxCached = 5_000;
const cache = new Map<string, SafeRegex>();
let loaded: typeof RE2JS | undefined;

function safe(compiled: RE2JS): SafeRegex {
  const program = compiled.re2().prog;
  return {
    // The automaton builds its states as it goes: with many of them each character costs the whole program, squared.
    test: (text) =>
      text.length * program.inst.length <= small
        ? compiled.test(text)
        : findMatch(program, text, 0, { steps: maxSteps }, true) !== undefined,
    find: (text, from, budget) => findMatch(program, text, from, budget),
  };
}

function engine(): typeof RE2JS {
  loaded ??= (createRequire(import.meta.url)('@bufbuild/re2') as { RE2JS: typeof RE2JS }).RE2JS;
  return loaded;
}
