/** When a cron schedule is due: times in a time zone, of a schedule that validation has accepted. */

interface Fields {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  months: ReadonlySet<number>;
  weekdays: ReadonlySet<number>;
  anyDay: boolean;
  anyWeekday: boolean;
}

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const minute = 60_000;
const day = 24 * 60 * minute;
/** A schedule that is not due within so many days (29 February at the rarest) never is. */
const horizonDays = 5 * 366;

/** The first due time after `after` (ms); undefined when there is none. `timeZone`: IANA name, default UTC. */
export function nextTime(schedule: string, after: number, timeZone: string | undefined): number | undefined {
  if (schedule.startsWith('@every ')) {
    const period = Math.max(1000, durationOf(schedule.slice('@every '.length)));
    return Math.floor((after + period) / 1000) * 1000;
  }
  const fields = parse(descriptors[schedule] ?? schedule);
  const local = localClock(timeZone ?? 'UTC');
  let time = (Math.floor(after / minute) + 1) * minute;
  const end = time + horizonDays * day;
  while (time < end) {
    const at = local(time);
    if (!fields.months.has(at.month) || !isDay(fields, at)) {
      // On to the next local midnight; an hour short of it where clocks change.
      time += Math.max(minute, (24 * 60 - at.hour * 60 - at.minute) * minute - (at.hour < 22 ? 2 * 60 * minute : 0));
    } else if (!fields.hours.has(at.hour)) time += (60 - at.minute) * minute;
    else if (!fields.minutes.has(at.minute)) time += minute;
    else return time;
  }
  return undefined;
}

interface LocalTime {
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
}

/** Both day fields given: either may match. */
function isDay(fields: Fields, at: LocalTime): boolean {
  const dayMatches = fields.days.has(at.day);
  const weekdayMatches = fields.weekdays.has(at.weekday);
  return fields.anyDay || fields.anyWeekday ? dayMatches && weekdayMatches : dayMatches || weekdayMatches;
}

function localClock(timeZone: string): (time: number) => LocalTime {
  if (timeZone === 'UTC') {
    return (time) => {
      const date = new Date(time);
      return {
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        weekday: date.getUTCDay(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
      };
    };
  }
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    month: 'numeric',
    day: 'numeric',
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    return {
      month: Number(parts['month']),
      day: Number(parts['day']),
      weekday: dayNames.indexOf(String(parts['weekday']).toLowerCase()),
      hour: Number(parts['hour']),
      minute: Number(parts['minute']),
    };
  };
}

function parse(schedule: string): Fields {
  const [minutes = '*', hours = '*', days = '*', months = '*', weekdays = '*'] = schedule.trim().split(/\s+/);
  const isAny = (text: string) => /^[*?]/.test(text);
  return {
    minutes: values(minutes, 0, 59),
    hours: values(hours, 0, 23),
    days: values(days, 1, 31),
    months: values(months, 1, 12, monthNames),
    weekdays: values(weekdays, 0, 6, dayNames),
    anyDay: isAny(days),
    anyWeekday: isAny(weekdays),
  };
}

function values(text: string, min: number, max: number, names: readonly string[] = []): ReadonlySet<number> {
  const numberOf = (name: string): number => {
    const found = names.indexOf(name.toLowerCase());
    return found < 0 ? Number(name) : found + min;
  };
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '*', step] = part.split('/');
    const [low = '*', high] = range.split('-');
    const any = low === '*' || low === '?';
    const first = any ? min : numberOf(low);
    const last = high !== undefined ? numberOf(high) : any || step !== undefined ? max : first;
    for (let value = first; value <= last; value += Number(step ?? 1)) found.add(value);
  }
  return found;
}

function durationOf(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    total += Number(amount) * (units[unit ?? ''] ?? 0);
  return total;
}
