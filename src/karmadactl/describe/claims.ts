/** PersistentVolumeClaims: of their own, inside pods, and as templates of StatefulSets. */
import { accessModesText, age } from '../../kubernetes/printing/formats.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { PersistentVolumeClaim, Pod } from '../../kubernetes/types.ts';
import { nested, type Page } from './page.ts';
import type { Related } from './related.ts';
import { block, head, labelBlock, labelsAndAnnotations, listText, quantityText, table, timeText } from './texts.ts';

export type ClaimTemplate = Pick<PersistentVolumeClaim, 'metadata' | 'spec'>;

const betaClass = 'volume.beta.kubernetes.io/storage-class';

const classOf = ({ metadata, spec }: ClaimTemplate): string =>
  metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? '';

/** A claim within a pod: only what a template has. */
export function claimFields(page: Page, template: ClaimTemplate): void {
  claim(nested(page, 2), { ...template, metadata: template.metadata ?? {} }, undefined);
}

export async function describeClaim(page: Page, object: PersistentVolumeClaim, related: Related): Promise<void> {
  const users = await usersOf(object, related);
  claim(page, object, related.now);
  block(page, 'Used By', users);
  const conditions = object.status?.conditions ?? [];
  if (conditions.length === 0) return;
  page.line(0, 'Conditions:');
  table(
    page,
    ['Type', 'Status', 'LastProbeTime', 'LastTransitionTime', 'Reason', 'Message'],
    conditions.map(({ type, status, lastProbeTime, lastTransitionTime, reason, message }) => [
      `${type} `,
      `${status} `,
      `${timeText(lastProbeTime)} `,
      `${timeText(lastTransitionTime)} `,
      `${reason ?? ''} `,
      message ?? '',
    ]),
    1,
    ['----', '------', '-----------------', '------------------', '------', '-------'],
  );
}

function claim(page: Page, object: ClaimTemplate & Partial<PersistentVolumeClaim>, now: number | undefined): void {
  const { metadata, spec, status } = object;
  const whole = now !== undefined;
  if (whole) head(page, object);
  page.line(0, 'StorageClass:', classOf(object));
  if (whole) page.line(0, 'Status:', terminating(metadata.deletionTimestamp, now) ?? status?.phase ?? '');
  page.line(0, 'Volume:', spec?.volumeName ?? '');
  labelsAndAnnotations(page, object);
  if (whole) page.line(0, 'Finalizers:', listText(metadata.finalizers));
  const bound = (spec?.volumeName ?? '') !== '';
  page.line(0, 'Capacity:', bound ? quantityText(status?.capacity?.storage) : '');
  page.line(0, 'Access Modes:', bound ? accessModesText(status?.accessModes) : '');
  if (spec?.volumeMode !== undefined) page.line(0, 'VolumeMode:', spec.volumeMode);
  const source = spec?.dataSource;
  if (source === undefined) return;
  page.line(0, 'DataSource:');
  if (source.apiGroup !== undefined) page.line(1, 'APIGroup:', source.apiGroup);
  page.line(1, 'Kind:', source.kind);
  page.line(1, 'Name:', source.name);
}

/** The status of what is being deleted. */
export const terminating = (deleted: string | undefined, now: number): string | undefined =>
  deleted === undefined ? undefined : `Terminating (lasts ${age(deleted, now)})`;

async function usersOf({ metadata }: PersistentVolumeClaim, related: Related): Promise<string[]> {
  const all = await related.list<Pod>(pods, { namespace: metadata.namespace });
  const owners = new Set(metadata.ownerReferences?.filter(({ kind }) => kind === 'Pod').map(({ uid }) => uid));
  return all
    .filter(
      (pod) =>
        owners.has(pod.metadata.uid ?? '') ||
        pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === metadata.name),
    )
    .map((pod) => pod.metadata.name ?? '')
    .sort();
}

export function claimTemplates(page: Page, templates: readonly ClaimTemplate[] | undefined): void {
  if (!templates?.length) {
    page.line(0, 'Volume Claims:', '<none>');
    return;
  }
  page.line(0, 'Volume Claims:');
  for (const template of templates) {
    const { metadata, spec } = template;
    const storage = spec?.resources?.requests?.storage;
    page.line(1, 'Name:', metadata.name ?? '');
    page.line(1, 'StorageClass:', classOf(template));
    labelBlock(page, 'Labels', metadata.labels, '  ');
    labelBlock(page, 'Annotations', metadata.annotations, '  ');
    page.line(1, 'Capacity:', storage === undefined ? '<default>' : quantityText(storage));
    page.line(1, 'Access Modes:', listText(spec?.accessModes));
  }
}
