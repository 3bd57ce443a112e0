/** The Events at the end of a description. */
import type { KubeObject, ObjectMeta } from '../../apimachinery/object.ts';
import { age } from '../../kubernetes/printing/formats.ts';
import { events } from '../../kubernetes/resource-types.ts';
import type { CoreEvent } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import type { Related } from './related.ts';
import { table } from './texts.ts';

/** Which Events are the object's: kubelets write about pods under other kinds, and about nodes under their names. */
export type EventSubject = 'object' | 'pod' | 'node';

export async function eventsAbout(
  { kind, metadata }: { kind: string; metadata: ObjectMeta },
  subject: EventSubject,
  related: Related,
): Promise<CoreEvent[]> {
  const { name = '', namespace = '', uid = '', annotations } = metadata;
  const about = (id: string): Promise<CoreEvent[]> => {
    const fields = { name, namespace, uid: id, ...(subject === 'pod' ? {} : { kind }) };
    const fieldSelector = Object.entries(fields)
      .map(([field, value]) => `involvedObject.${field}=${value}`)
      .join(',');
    return related.list<KubeObject & CoreEvent>(events, { namespace, fieldSelector }).catch(() => []);
  };
  if (subject === 'node') return (await Promise.all([about(uid), about(name)])).flat();
  return about((subject === 'pod' ? annotations?.['kubernetes.io/config.mirror'] : undefined) ?? uid);
}

/** As kubectl shows them: the oldest first, repeated ones with their count. */
export function eventTable(page: Page, items: readonly CoreEvent[], now: number): void {
  if (items.length === 0) {
    page.line(0, 'Events:', '<none>');
    return;
  }
  page.line(0, 'Events:');
  const rows = items
    .map((event) => ({ event, last: Date.parse(event.lastTimestamp ?? '') || 0 }))
    .sort((a, b) => a.last - b.last)
    .map(({ event }) => [
      event.type ?? '',
      event.reason ?? '',
      ageText(event, now),
      event.source?.component || event.reportingComponent || '',
      messageText(event),
    ]);
  // One dash more than `Age` has letters: kubectl's.
  const dashes = ['----', '------', '----', '----', '-------'];
  table(page, ['Type', 'Reason', 'Age', 'From', 'Message'], rows, 1, dashes);
}

/** Says which container a message is about. */
function messageText({ message = '', involvedObject }: CoreEvent): string {
  const path = involvedObject?.fieldPath;
  return `${path ? `${path}: ` : ''}${message.trim()}`;
}

function ageText({ series, count = 0, firstTimestamp, lastTimestamp, eventTime }: CoreEvent, now: number): string {
  const since = (time: string | null | undefined): string => age(time ?? undefined, now);
  const first = since(eventTime ?? firstTimestamp);
  if (series) return `${since(series.lastObservedTime)} (x${series.count} over ${first})`;
  return count > 1 ? `${since(lastTimestamp)} (x${count} over ${first})` : first;
}
