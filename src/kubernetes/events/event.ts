/** events.k8s.io Events: the same stored objects as core Events, under other field names. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { eventColumns } from '../core/event.ts';
import type { KindBehaviour } from '../kind.ts';
import { events as coreEvents } from '../resource-types.ts';

/** events.k8s.io name → core name. */
const names: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

export const event: KindBehaviour = {
  storage: { type: coreEvents, toStorage: toCoreEvent, fromStorage: fromCoreEvent },
  validate: (object) => checkEvent(object),
  selectableFields: {
    ...Object.fromEntries(
      ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((key) => [
        `regarding.${key}`,
        (object: DeepReadonly<Unstructured>) => textAt(object['regarding'], key),
      ]),
    ),
    reason: (object) => textAt(object, 'reason'),
    reportingController: (object) => textAt(object, 'reportingController'),
    type: (object) => textAt(object, 'type'),
  },
  columns: eventColumns.map((column) => ({
    ...column,
    cell: (object, now) => column.cell(toCoreEvent({ ...object } as Unstructured), now),
  })),
};

/** Renames in place of a shallow copy: values are shared. */
export function toCoreEvent(object: Unstructured): Unstructured {
  return renamed(object, 'v1', (from, to) => [from, to]);
}

export function fromCoreEvent(object: Unstructured): Unstructured {
  return renamed(object, 'events.k8s.io/v1', (from, to) => [to, from]);
}

function renamed(
  object: Unstructured,
  apiVersion: string,
  order: (a: string, b: string) => [string, string],
): Unstructured {
  const result: Unstructured = { ...object, apiVersion };
  for (const [eventsName, coreName] of names) {
    const [from, to] = order(eventsName, coreName);
    const value = result[from];
    delete result[from];
    if (value !== undefined) result[to] = value;
  }
  return result;
}

function textAt(object: unknown, key: string): string {
  const value = (object as Record<string, unknown> | undefined)?.[key];
  return typeof value === 'string' ? value : '';
}

/** The strict rules of the new API. Events that once were core Events have no eventTime and are let through. */
function checkEvent(object: DeepReadonly<Unstructured>): FieldError[] {
  if (object['eventTime'] === undefined) {
    return object['deprecatedFirstTimestamp'] === undefined ? [fieldError.required('eventTime')] : [];
  }
  const errors: FieldError[] = [];
  for (const key of ['reportingController', 'reportingInstance', 'action', 'reason']) {
    const value = textAt(object, key);
    if (value === '') errors.push(fieldError.required(key));
    else if (key !== 'reportingController' && value.length > 128) {
      errors.push(fieldError.invalid(key, '', 'can have at most 128 characters'));
    }
  }
  if (textAt(object, 'note').length > 1024) {
    errors.push(fieldError.invalid('note', '', 'can have at most 1024 characters'));
  }
  const type = textAt(object, 'type');
  if (type !== 'Normal' && type !== 'Warning')
    errors.push(fieldError.invalid('type', '', `has invalid value: ${type}`));
  return errors;
}
