/** Answers of another API server, kept for a while: the same question is asked once, however often it comes. */
import type { Clock } from '../../apimachinery/clock.ts';

export interface ReviewCache<T> {
  /** What was answered to this question, or what `ask` answers. A failure is not kept. */
  get(question: string, ask: () => Promise<T>): Promise<T>;
}

const maxEntries = 8192;

/** `lifetimeMs` of an answer; 0: it serves only who asks at the same time. */
export function createReviewCache<T>(lifetimeMs: (answer: T) => number, clock: Clock): ReviewCache<T> {
  const known = new Map<string, { answer: Promise<T>; until: number }>();
  return {
    get(question, ask) {
      const found = known.get(question);
      if (found !== undefined && clock.now() < found.until) return found.answer;
      const entry = { answer: ask(), until: Number.POSITIVE_INFINITY };
      known.delete(question);
      known.set(question, entry);
      if (known.size > maxEntries) known.delete(known.keys().next().value ?? '');
      entry.answer.then(
        (answer) => {
          entry.until = clock.now() + lifetimeMs(answer);
        },
        () => {
          if (known.get(question) === entry) known.delete(question);
        },
      );
      return entry.answer;
    },
  };
}
