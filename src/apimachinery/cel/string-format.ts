/** `'%s is %d'.format([…])`. */
import { doubleText } from './standard-functions.ts';
import { durationText, timestampText } from './time-functions.ts';
import { CelError, Duration, isList, isMap, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

/** Clauses: %s %d %f %e %b %x %X %o and %%, with a precision for %f and %e. Throws CelError. */
export function formatText(text: string, args: readonly Value[], spend: (cost: number) => void): string {
  let next = 0;
  const result = text.replace(/%(?:(%)|(?:\.(\d{1,2}))?([a-zA-Z])?)/g, (_all, percent, precision, verb) => {
    if (percent !== undefined) return '%';
    if (verb === undefined) throw new CelError('unexpected end of format string');
    const arg = args[next];
    if (arg === undefined) throw new CelError(`index ${next} out of range`);
    next++;
    const piece = clause(verb as string, arg, precision === undefined ? 6 : Number(precision));
    spend(piece.length / 10);
    return piece;
  });
  return result;
}

function clause(verb: string, arg: Value, precision: number): string {
  switch (verb) {
    case 's':
      return plainText(arg);
    case 'd':
      if (typeof arg === 'bigint') return String(arg);
      if (arg instanceof Uint) return String(arg.value);
      break;
    case 'f':
      if (typeof arg === 'number' || typeof arg === 'bigint') return Number(arg).toFixed(precision);
      break;
    case 'e':
      if (typeof arg === 'number' || typeof arg === 'bigint')
        return Number(arg)
          .toExponential(precision)
          .replace(/e([+-])(\d)$/, 'e$10$2');
      break;
    case 'b':
      if (typeof arg === 'boolean') return arg ? '1' : '0';
      return integer(arg, 2, verb);
    case 'o':
      return integer(arg, 8, verb);
    case 'x':
    case 'X': {
      let hex: string;
      if (typeof arg === 'string') hex = Buffer.from(arg).toString('hex');
      else if (arg instanceof Uint8Array) hex = Buffer.from(arg).toString('hex');
      else hex = integer(arg, 16, verb);
      return verb === 'X' ? hex.toUpperCase() : hex;
    }
    default:
      throw new CelError(`unrecognized formatting clause "${verb}"`);
  }
  throw new CelError(`error during formatting: the clause %${verb} does not fit the value`);
}

function integer(arg: Value, base: number, verb: string): string {
  if (typeof arg === 'bigint') return arg.toString(base);
  if (arg instanceof Uint) return arg.value.toString(base);
  throw new CelError(`error during formatting: the clause %${verb} does not fit the value`);
}

function plainText(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return doubleText(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof TypeValue) return value.name;
  if (isList(value)) return `[${value.items.map(plainText).join(', ')}]`;
  if (isMap(value)) {
    const entries = value.keys().map((key) => `${plainText(key)}: ${plainText(value.get(key) as Value)}`);
    return `{${entries.sort().join(', ')}}`;
  }
  if (value instanceof Optional)
    throw new CelError('error during formatting: string clause can not be used on optionals');
  throw new CelError(`error during formatting: string clause can not be used on ${value.opaque}`);
}
