/** Why a run ended without targets. */

/** No cluster passed the filters: targets are cleared, and only an event brings another try. */
export class FitError extends Error {
  override readonly name = 'FitError';

  /** `reasons`: one for each cluster that was refused. */
  constructor(total: number, reasons: readonly string[]) {
    super(`0/${total} clusters are available: ${histogram(total, reasons)}.`);
  }
}

/** The clusters lack room: targets stay, another try comes later. */
export class UnschedulableError extends Error {
  override readonly name = 'UnschedulableError';
}

/** The same kind of error with a prefix that names the step. */
export function withStep(step: string, error: unknown): Error {
  const message = `${step}: ${messageOf(error)}`;
  return error instanceof UnschedulableError
    ? new UnschedulableError(message, { cause: error })
    : new Error(message, { cause: error });
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function histogram(total: number, reasons: readonly string[]): string {
  if (total === 0 || reasons.length === 0) return 'no cluster exists';
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
