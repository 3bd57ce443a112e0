/**
 * Runs a compiled RE2 program over a text as a set of threads that step together (Pike's machine): the work is at most the
 * length of the text times the size of the program, whatever the pattern. Finds the leftmost match, and of those at one place
 * the one that a backtracking engine would find first.
 */

/** An instruction as @bufbuild/re2 compiles it. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  matchRune(rune: number): boolean;
}

export interface RegexProgram {
  readonly inst: readonly Instruction[];
  readonly start: number;
}

/** The work of one search is used up: threads times characters. */
export class RegexLimit extends Error {}

/** Where a match lies in code units; undefined without one. `budget.steps` goes down by the work; throws RegexLimit below 0. */
export function findMatch(
  program: RegexProgram,
  text: string,
  from: number,
  budget: { steps: number },
  /** Any match will do: the search ends with the first that is seen. */
  anyMatch = false,
): [start: number, end: number] | undefined {
  const size = program.inst.length;
  let current = new Threads(size);
  let next = new Threads(size);
  let found: [number, number] | undefined;
  let before = from > 0 ? runeBefore(text, from) : -1;
  for (let at = from; at <= text.length; ) {
    const rune = at < text.length ? (text.codePointAt(at) as number) : -1;
    const context = emptyWidths(before, rune);
    if (found === undefined) spawn(program, current, program.start, at, context, budget);
    if (current.count === 0 && found !== undefined) break;
    const width = rune > 0xffff ? 2 : 1;
    const afterwards = emptyWidths(rune, at + width < text.length ? (text.codePointAt(at + width) as number) : -1);
    next.count = 0;
    for (let i = 0; i < current.count; i++) {
      const instruction = program.inst[current.pcs[i] as number] as Instruction;
      const start = current.starts[i] as number;
      if (instruction.op === op.match) {
        found = [start, at];
        if (anyMatch) return found;
        // Threads behind this one are of lower rank.
        break;
      }
      if (rune >= 0 && instruction.matchRune(rune)) spawn(program, next, instruction.out, start, afterwards, budget);
    }
    budget.steps -= current.count + 1;
    if (budget.steps < 0) throw new RegexLimit('the regular expression takes too much work on this text');
    [current, next] = [next, current];
    before = rune;
    at += width;
  }
  return found;
}

/** The numbers of @bufbuild/re2. */
const op = { alternative: 1, alternativeMatch: 2, capture: 3, emptyWidth: 4, fail: 5, match: 6, nop: 7 } as const;

/** A set of program counters in the order in which they were added, each with the place where its match began. */
class Threads {
  count = 0;
  readonly pcs: Int32Array;
  readonly starts: Int32Array;
  readonly #places: Int32Array;
  /** Visited without being a thread: jumps. Marked with the turn, so that nothing has to be cleared. */
  readonly seen: Int32Array;
  turn = 0;

  constructor(size: number) {
    this.pcs = new Int32Array(size);
    this.starts = new Int32Array(size);
    this.#places = new Int32Array(size);
    this.seen = new Int32Array(size);
  }

  has(pc: number): boolean {
    const place = this.#places[pc] as number;
    return place < this.count && this.pcs[place] === pc;
  }

  add(pc: number, start: number): void {
    this.#places[pc] = this.count;
    this.pcs[this.count] = pc;
    this.starts[this.count] = start;
    this.count++;
  }
}

/** Adds what can be reached without a character, in order of rank. No recursion: programs may be deep. */
function spawn(
  { inst }: RegexProgram,
  threads: Threads,
  from: number,
  start: number,
  context: number,
  budget: { steps: number },
): void {
  // Jumps that an earlier spawn of this turn has gone through lead to threads that are there: with a higher rank.
  if (threads.count === 0) threads.turn++;
  const open = [from];
  for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
    if (threads.has(pc) || threads.seen[pc] === threads.turn) continue;
    budget.steps--;
    const instruction = inst[pc] as Instruction;
    switch (instruction.op) {
      case op.fail:
        break;
      case op.alternative:
      case op.alternativeMatch:
        threads.seen[pc] = threads.turn;
        open.push(instruction.arg, instruction.out);
        break;
      case op.nop:
      case op.capture:
        threads.seen[pc] = threads.turn;
        open.push(instruction.out);
        break;
      case op.emptyWidth:
        threads.seen[pc] = threads.turn;
        if ((instruction.arg & ~context) === 0) open.push(instruction.out);
        break;
      default:
        threads.add(pc, start);
    }
  }
}

const beginLine = 1;
const endLine = 2;
const beginText = 4;
const endText = 8;
const wordBoundary = 16;
const noWordBoundary = 32;

/** Which assertions hold between two characters; −1 is the end of the text. */
function emptyWidths(before: number, after: number): number {
  let flags = 0;
  if (before < 0) flags |= beginText | beginLine;
  if (before === 10) flags |= beginLine;
  if (after < 0) flags |= endText | endLine;
  if (after === 10) flags |= endLine;
  return flags | (isWord(before) === isWord(after) ? noWordBoundary : wordBoundary);
}

const isWord = (rune: number): boolean =>
  (rune >= 48 && rune <= 57) || (rune >= 65 && rune <= 90) || rune === 95 || (rune >= 97 && rune <= 122);

function runeBefore(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  const isLow = unit >= 0xdc00 && unit <= 0xdfff;
  return isLow && at >= 2 ? (text.codePointAt(at - 2) as number) : unit;
}
