/** JSON as it is read from requests: bounded in depth, and with what JSON.parse keeps quiet about: keys that occur twice in one object. */
import { keysInText } from './json-depth.ts';

/** `duplicates` as `duplicateKeys` tells them. Throws an Error for text that nests too deep, SyntaxError for what is no JSON. */
export function parseJson(text: string): { value: unknown; duplicates: readonly string[] } {
  const written = keysInText(text);
  const value: unknown = JSON.parse(text);
  return { value, duplicates: written === keysIn(value) ? [] : duplicateKeys(text) };
}

/** A key that stood twice is there once. */
function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) for (const item of value) keys += keysIn(item);
  else for (const key in value) keys += 1 + keysIn((value as Record<string, unknown>)[key]);
  return keys;
}

/**
 * Paths (`spec.containers[0].image`) of keys that stand twice in the same object, each once, in order of appearance.
 * The text must be valid JSON. One pass over the text.
 */
export function duplicateKeys(text: string): string[] {
  const scanner = new Scanner(text);
  scanner.value('');
  return [...scanner.found];
}

class Scanner {
  readonly found = new Set<string>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(path: string): void {
    this.#space();
    switch (this.#text.charCodeAt(this.#at)) {
      case 123: // {
        this.#object(path);
        return;
      case 91: // [
        this.#array(path);
        return;
      case 34: // "
        this.#string();
        return;
      default:
        while (this.#at < this.#text.length && !isDelimiter(this.#text.charCodeAt(this.#at))) this.#at++;
    }
  }

  #object(path: string): void {
    const seen = new Set<string>();
    this.#at++;
    for (this.#space(); this.#text.charCodeAt(this.#at) === 34; this.#space()) {
      const key = this.#string();
      const here = path === '' ? key : `${path}.${key}`;
      if (seen.has(key)) this.found.add(here);
      seen.add(key);
      this.#space();
      this.#at++; // :
      this.value(here);
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 44) break;
      this.#at++;
    }
    this.#at++; // }
  }

  #array(path: string): void {
    this.#at++;
    this.#space();
    for (let index = 0; this.#at < this.#text.length && this.#text.charCodeAt(this.#at) !== 93; index++) {
      this.value(`${path}[${index}]`);
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 44) break;
      this.#at++;
      this.#space();
    }
    this.#at++; // ]
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const end = this.#text.indexOf('"', this.#at);
      if (end < 0) {
        this.#at = this.#text.length;
        return '';
      }
      let backslashes = 0;
      while (this.#text.charCodeAt(end - 1 - backslashes) === 92) backslashes++;
      this.#at = end + 1;
      if (backslashes % 2 === 0) break;
    }
    const raw = this.#text.slice(start, this.#at);
    return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }
}

/** Comma, closing brackets and white space end a number or a word. */
const isDelimiter = (code: number): boolean => code === 44 || code === 125 || code === 93 || code <= 32;
