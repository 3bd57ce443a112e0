/** Events of the core group: rules, columns. events.k8s.io Events are these in another form. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { TableColumn } from '../../apimachinery/resource-definition.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { age, columnsOf, nameColumn } from '../printing/formats.ts';
import type { CoreEvent } from '../types.ts';

const { column, wide } = columnsOf<CoreEvent>();
type Typed = DeepReadonly<CoreEvent>;

export const eventColumns: readonly TableColumn[] = [
  column('Last Seen', lastSeen),
  column('Type', ({ type }) => type ?? ''),
  column('Reason', ({ reason }) => reason ?? ''),
  column('Object', ({ involvedObject }) => {
    const kind = (involvedObject?.kind ?? '').toLowerCase();
    return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind;
  }),
  wide('Subobject', ({ involvedObject }) => involvedObject?.fieldPath ?? ''),
  wide('Source', (event) => {
    const component = event.source?.component || (event.reportingComponent ?? '');
    const host = event.source?.host || (event.reportingInstance ?? '');
    return host === '' ? component : `${component}, ${host}`;
  }),
  column('Message', ({ message }) => (message ?? '').trim()),
  wide('First Seen', firstSeen),
  wide('Count', ({ series, count }) => String(series?.count ?? (count || 1))),
  { ...nameColumn, priority: 1 },
];

export const event: KindBehaviour = {
  validate: (object) => checkEvent(object as Typed),
  selectableFields: {
    ...Object.fromEntries(
      (['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const).map((key) => [
        `involvedObject.${key}`,
        (object) => (object as unknown as Typed).involvedObject?.[key] ?? '',
      ]),
    ),
    reason: (object) => (object as unknown as Typed).reason ?? '',
    reportingComponent: (object) => (object as unknown as Typed).reportingComponent ?? '',
    source: (object) =>
      (object as unknown as Typed).source?.component || ((object as unknown as Typed).reportingComponent ?? ''),
    type: (object) => (object as unknown as Typed).type ?? '',
  },
  columns: eventColumns,
};

function firstSeen(event: Typed, now: number): string {
  return event.firstTimestamp === undefined ? age(event.eventTime, now) : age(event.firstTimestamp, now);
}

function lastSeen(event: Typed, now: number): string {
  if (event.series?.lastObservedTime !== undefined) return age(event.series.lastObservedTime, now);
  return event.lastTimestamp === undefined ? firstSeen(event, now) : age(event.lastTimestamp, now);
}

/** Upstream's legacy rules: an Event is about an object of its own namespace. */
function checkEvent({ metadata, involvedObject }: Typed): FieldError[] {
  const namespace = involvedObject?.namespace ?? '';
  const home = metadata.namespace ?? '';
  // Events of cluster-scoped objects are kept in `default`.
  if (namespace === '' ? home !== 'default' && home !== 'kube-system' && home !== '' : namespace !== home) {
    return [fieldError.invalid('involvedObject.namespace', namespace, 'does not match event.namespace')];
  }
  return [];
}
