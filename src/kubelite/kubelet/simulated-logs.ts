/** Log lines of simulated containers: a function of the container and the time alone, so that every read agrees. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { LogLine, LogRequest } from './runtime.ts';

/** One line at the start, then one in each period. */
const periodMs = 10_000;
/** As a rotated log file would, a long-running container keeps only its newest lines. */
const keptLines = 10_000;

export interface SimulatedLogSource {
  pod: string;
  container: string;
  image: string;
  startedAt: number;
  /** Absent while it runs. */
  readonly finishedAt?: number | undefined;
}

const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000000Z`;

function lineAt(source: SimulatedLogSource, index: number): LogLine {
  const time = timeOf(source.startedAt + index * periodMs);
  const text =
    index === 0
      ? `${source.container}: started image ${source.image} in pod ${source.pod}`
      : `${source.container}: running, report ${index}`;
  return { time, text };
}

export async function* simulatedLogs(
  source: SimulatedLogSource,
  request: LogRequest,
  clock: Clock,
): AsyncGenerator<LogLine> {
  const linesAt = (now: number) =>
    Math.floor((Math.min(now, source.finishedAt ?? now) - source.startedAt) / periodMs) + 1;
  const available = Math.max(0, linesAt(clock.now()));
  const since = request.since === undefined ? 0 : Math.ceil((request.since - source.startedAt) / periodMs);
  let index = Math.max(0, available - keptLines, since);
  if (request.tailLines !== undefined) index = Math.max(index, available - request.tailLines);
  for (; index < available; index++) yield lineAt(source, index);
  if (!request.follow) return;
  for (; source.finishedAt === undefined; index++) {
    const wait = source.startedAt + index * periodMs - clock.now();
    try {
      await clock.sleep(Math.max(0, wait), request.signal);
    } catch {
      return;
    }
    yield lineAt(source, index);
  }
}
