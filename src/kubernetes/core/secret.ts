/** Secrets: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { Secret } from '../types.ts';
import { immutable } from '../validation.ts';
import { checkDataKey, checkImmutable, maxDataSize } from './config-map.ts';

const { column } = columnsOf<Secret>();
type Typed = DeepReadonly<Secret>;

export const secret: KindBehaviour = {
  default(object) {
    const typed = object as unknown as Secret;
    // stringData is for writing only.
    if (typed.stringData !== undefined) {
      typed.data ??= {};
      const data = typed.data;
      for (const [key, value] of Object.entries(typed.stringData))
        data[key] = Buffer.from(value, 'utf8').toString('base64');
      delete typed.stringData;
    }
    typed.type ||= 'Opaque';
  },
  validate: (object) => checkSecret(object as Typed),
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    const { type } = object as Typed;
    if (type !== (old as Typed).type) errors.push(fieldError.invalid('type', type, immutable));
    errors.push(...checkImmutable(object as Typed, old as Typed, ['data']));
    return errors;
  },
  selectableFields: { type: (object) => (object as Typed).type ?? '' },
  columns: [
    nameColumn,
    column('Type', ({ type }) => type ?? ''),
    column('Data', ({ data }) => Object.keys(data ?? {}).length),
    ageColumn,
  ],
};

function checkSecret({ metadata, type, data = {} }: Typed): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...checkDataKey(key, `data[${key}]`));
    size += Buffer.byteLength(value, 'base64');
  }
  if (size > maxDataSize) errors.push(fieldError.tooLong('data', maxDataSize));
  if (type === 'kubernetes.io/service-account-token') {
    if (!metadata.annotations?.[accountAnnotation]) {
      errors.push(fieldError.required(`metadata.annotations[${accountAnnotation}]`));
    }
    return errors;
  }
  if (type === 'kubernetes.io/basic-auth') {
    // One of the two is enough.
    if (data['username'] === undefined && data['password'] === undefined) {
      errors.push(fieldError.required('data[username]'), fieldError.required('data[password]'));
    }
    return errors;
  }
  for (const key of requiredKeys[type ?? ''] ?? []) {
    if (data[key] === undefined) errors.push(fieldError.required(`data[${key}]`));
    else if (key.startsWith('.docker') && !isJsonObject(data[key])) {
      errors.push(fieldError.invalid(`data[${key}]`, '<secret contents redacted>', 'invalid JSON'));
    }
  }
  return errors;
}

const accountAnnotation = 'kubernetes.io/service-account.name';

const requiredKeys: { readonly [type: string]: readonly string[] } = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

function isJsonObject(base64: string): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
