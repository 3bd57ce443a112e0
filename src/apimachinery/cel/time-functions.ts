/** Timestamps and durations: text forms and getters. */
import { declare, type Overload } from './overloads.ts';
import { CelError, Duration, Timestamp } from './values.ts';

const second = 1_000_000_000n;

const units: { readonly [unit: string]: bigint } = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
};

/** Go's form: `1h30m`, `-1.5s`. Throws CelError. */
export function parseDuration(text: string): Duration {
  const bad = () => new CelError(`invalid duration ${JSON.stringify(text)}`);
  if (text.length > 100) throw bad();
  if (/^[+-]?0$/.test(text)) return new Duration(0n);
  const [, sign = '', rest = ''] = /^([+-]?)(.+)$/.exec(text) ?? [];
  let ns = 0n;
  let read = 0;
  for (const match of rest.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/gy)) {
    const [all, whole = '', fraction = '', unit = ''] = match;
    if (whole === '' && fraction === '') throw bad();
    const scale = units[unit] as bigint;
    ns += BigInt(whole || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
    read += all.length;
  }
  if (read === 0 || read !== rest.length || ns >= 2n ** 63n) throw bad();
  return new Duration(sign === '-' ? -ns : ns);
}

/** Seconds, as CEL prints them: `5400s`, `1.5s`. */
export function durationText({ ns }: Duration): string {
  const [sign, amount] = ns < 0n ? ['-', -ns] : ['', ns];
  const fraction =
    amount % second === 0n
      ? ''
      : `.${String(amount % second)
          .padStart(9, '0')
          .replace(/0+$/, '')}`;
  return `${sign}${amount / second}${fraction}s`;
}

/** RFC 3339. Throws CelError. */
export function parseTimestamp(text: string): Timestamp {
  const match = /^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`.toUpperCase());
  if (match === null || Number.isNaN(ms)) throw new CelError(`invalid timestamp ${JSON.stringify(text)}`);
  return new Timestamp(BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0')));
}

export function timestampText({ ns }: Timestamp): string {
  const part = ((ns % second) + second) % second;
  const text = new Date(Number((ns - part) / 1_000_000n)).toISOString().slice(0, 19);
  return `${text}${part === 0n ? '' : `.${String(part).padStart(9, '0').replace(/0+$/, '')}`}Z`;
}

/** Day of the week is counted from Sunday; day of the month, of the year and the month from 0. */
const parts: { readonly [name: string]: (date: Date) => number } = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

const dateOf = (time: Timestamp): Date => new Date(Number(time.ns / 1_000_000n));

/** The same moment, moved so that its UTC fields read as local time there. `+02:00` or a name of the time zone database. */
function inZone(time: Timestamp, zone: string): Date {
  const offset = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(dateOf(time).getTime() + (offset[1] === '-' ? -minutes : minutes) * 60_000);
  }
  try {
    const date = dateOf(time);
    const local = new Date(`${date.toLocaleString('sv-SE', { timeZone: zone }).replace(' ', 'T')}Z`);
    return new Date(local.getTime() + date.getUTCMilliseconds());
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

const durationParts: { readonly [name: string]: bigint } = {
  getHours: 3600n * second,
  getMinutes: 60n * second,
  getSeconds: second,
  getMilliseconds: 1_000_000n,
};

export const timeFunctions: readonly Overload[] = [
  ...Object.entries(parts).flatMap(([name, get]) => [
    declare(`timestamp::${name}(): int`, ([time]: [Timestamp]) => BigInt(get(dateOf(time)))),
    declare(`timestamp::${name}(string): int`, ([time, zone]: [Timestamp, string]) => BigInt(get(inZone(time, zone)))),
  ]),
  ...Object.entries(durationParts).map(([name, unit]) =>
    declare(`duration::${name}(): int`, ([value]: [Duration]) =>
      name === 'getMilliseconds' ? (value.ns / unit) % 1000n : value.ns / unit,
    ),
  ),
];
