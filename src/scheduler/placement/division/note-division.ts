import type { SchedulingTask } from '../../types.ts';
import type { DivisionTrace, PartyTrace } from '../../why/run-trace.ts';
import { breaksTiesDescending } from './webster.ts';

/** Writes the arithmetic of a division into the trace of the run, where there is one. */
export function noteDivision(
  { trace, spec }: SchedulingTask,
  division: Pick<DivisionTrace, 'strategy' | 'mode' | 'seats'>,
  parties: PartyTrace[],
): void {
  const ties = breaksTiesDescending(spec.resource.uid ?? '') ? 'descending' : 'ascending';
  trace?.divisions.push({ ...division, ties, parties });
}
