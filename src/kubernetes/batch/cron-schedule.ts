/** The syntax of cron schedules: five fields or a descriptor. */

interface Bounds {
  min: number;
  max: number;
  names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fields: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];

const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** What is wrong with a schedule, or undefined. */
export function cronScheduleError(schedule: string): string | undefined {
  if (schedule.startsWith('@')) {
    if (descriptors.includes(schedule)) return undefined;
    if (schedule.startsWith('@every ')) {
      return /^@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(schedule)
        ? undefined
        : `failed to parse duration ${schedule}`;
    }
    return `unrecognized descriptor: ${schedule}`;
  }
  const parts = schedule.trim().split(/\s+/);
  if (parts.length !== 5) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`;
  for (const [i, part] of parts.entries()) {
    for (const range of part.split(',')) {
      const why = rangeError(range, fields[i]!);
      if (why !== undefined) return why;
    }
  }
  return undefined;
}

function rangeError(text: string, bounds: Bounds): string | undefined {
  const [range = '', step, ...moreSteps] = text.split('/');
  if (moreSteps.length > 0) return `too many slashes: ${text}`;
  const [low = '', high, ...moreEnds] = range.split('-');
  if (moreEnds.length > 0) return `too many hyphens: ${text}`;
  let start = bounds.min;
  let end = bounds.max;
  if (low !== '*' && low !== '?') {
    const first = numberOf(low, bounds);
    if (first === undefined)
      return `failed to parse int from ${low}: strconv.Atoi: parsing ${JSON.stringify(low)}: invalid syntax`;
    start = first;
    const last = high === undefined ? first : numberOf(high, bounds);
    if (last === undefined)
      return `failed to parse int from ${high}: strconv.Atoi: parsing ${JSON.stringify(high)}: invalid syntax`;
    end = high === undefined && step !== undefined ? bounds.max : last;
  }
  if (step !== undefined && !/^\d+$/.test(step)) {
    return `failed to parse int from ${step}: strconv.Atoi: parsing ${JSON.stringify(step)}: invalid syntax`;
  }
  if (start < bounds.min) return `beginning of range (${start}) below minimum (${bounds.min}): ${text}`;
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  if (step !== undefined && Number(step) === 0) return `step of range should be a positive number: ${text}`;
  return undefined;
}

function numberOf(text: string, bounds: Bounds): number | undefined {
  const named = bounds.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + (bounds.min === 1 ? 1 : 0);
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
