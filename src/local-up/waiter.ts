import type { Clock } from '../apimachinery/clock.ts';

/** Repeats something until it does not throw; says what is waited for and, at the end of time, why it never came. */
export class Waiter {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  async until<T>(what: string, detail: (text: string) => void, attempt: () => Promise<T>): Promise<T> {
    const since = this.#clock.now();
    for (let told = false; ; ) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof FatalError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        if (this.#signal.aborted) throw new Error(`gave up waiting: ${what}: ${why}`, { cause: error });
        if (!told && this.#clock.now() - since > 3000) {
          told = true;
          detail(`${what}: ${why}`);
        }
      }
      await this.#clock.sleep(50);
    }
  }
}

/** Waiting longer cannot help. */
export class FatalError extends Error {}
