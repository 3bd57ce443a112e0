/** Messages that are something else in JSON than an object of their fields: times, quantities, unions, raw JSON. */

type Json = Record<string, unknown>;

/** Whether `decodeSpecial` knows the message. */
export function isSpecial(name: string): boolean {
  return Object.hasOwn(decoders, name);
}

/**
 * The JSON form of a decoded message; undefined when it is to be left out. `decode` reads an object with an envelope of
 * its own, which raw extensions may hold. Throws on JSON that does not parse.
 */
export function decodeSpecial(name: string, message: Json, decode: (body: Buffer) => unknown): unknown {
  return decoders[name]?.(message, decode);
}

type Decoder = (message: Json, decode: (body: Buffer) => unknown) => unknown;

const decoders: { readonly [name: string]: Decoder } = {
  'meta.v1.Time': (message) => timeText(message, false),
  'meta.v1.MicroTime': (message) => timeText(message, true),
  'meta.v1.Duration': ({ duration = 0 }) => goDuration(Number(duration)),
  'meta.v1.FieldsV1': ({ Raw }) => parseJson(Raw),
  'meta.v1.Verbs': ({ items = [] }) => items,
  'api.resource.Quantity': ({ string = '0' }) => (string === '' ? '0' : string),
  'util.intstr.IntOrString': ({ type = 0, intVal = 0, strVal = '' }) => (type === 1 ? strVal : intVal),
  'runtime.RawExtension': ({ raw }, decode) => {
    const bytes = rawBytes(raw);
    if (bytes.length === 0) return null;
    return bytes.subarray(0, 4).equals(prefix) ? decode(bytes) : parseJson(raw);
  },
  'apiextensions.v1.JSON': (message) => parseJson(message['-']),
  'apiextensions.v1.JSONSchemaPropsOrArray': ({ schema, jSONSchemas }) =>
    Array.isArray(jSONSchemas) && jSONSchemas.length > 0 ? jSONSchemas : schema,
  'apiextensions.v1.JSONSchemaPropsOrBool': ({ allows = false, schema }) => schema ?? allows,
  'apiextensions.v1.JSONSchemaPropsOrStringArray': ({ schema, property }) =>
    Array.isArray(property) && property.length > 0 ? property : schema,
  'authentication.v1.ExtraValue': ({ items = [] }) => items,
  'authorization.v1.ExtraValue': ({ items = [] }) => items,
  'certificates.v1.ExtraValue': ({ items = [] }) => items,
};

const prefix = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** Bytes fields have been made base64. */
const rawBytes = (base64: unknown): Buffer => Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');

function parseJson(base64: unknown): unknown {
  const text = rawBytes(base64).toString('utf8');
  return text === '' ? null : JSON.parse(text);
}

/** RFC 3339 UTC: whole seconds, or microseconds with six digits. An empty message is no time at all. */
function timeText(message: Json, micro: boolean): string | undefined {
  if (Object.keys(message).length === 0) return undefined;
  const seconds = Number(message['seconds'] ?? 0);
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new Error(`time out of range: ${seconds}`);
  const text = date.toISOString().replace(/\.\d+Z$/, '');
  if (!micro) return `${text}Z`;
  const microseconds = Math.floor(Number(message['nanos'] ?? 0) / 1000);
  return `${text}.${String(microseconds).padStart(6, '0')}Z`;
}

/** Go's text of a duration: `1h0m0s`, `1.5s`, `300ms`. */
function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const sign = nanoseconds < 0 ? '-' : '';
  const ns = Math.abs(nanoseconds);
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${ns / 1e3}µs`;
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`;
  const whole = Math.floor(ns / 1e9);
  const seconds = (whole % 60) + (ns % 1e9) / 1e9;
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}
