/** PersistentVolumes and StorageClasses. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { accessModesText, labelsText } from '../../kubernetes/printing/formats.ts';
import type { PersistentVolume, StorageClass } from '../../kubernetes/types.ts';
import { terminating } from './claims.ts';
import type { Page } from './page.ts';
import type { Related } from './related.ts';
import { boolText, head, labelsAndAnnotations, listText, quantityText } from './texts.ts';
import { volumeSource } from './volumes.ts';

export function describeVolume(page: Page, object: PersistentVolume, { now }: Related): void {
  const { metadata, spec, status } = object;
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'Finalizers:', listText(metadata.finalizers));
  const beta = metadata.annotations?.['volume.beta.kubernetes.io/storage-class'];
  page.line(0, 'StorageClass:', beta ?? spec?.storageClassName ?? '');
  page.line(0, 'Status:', terminating(metadata.deletionTimestamp, now) ?? status?.phase ?? '');
  const claim = spec?.claimRef;
  page.line(0, 'Claim:', claim === undefined ? '' : `${claim.namespace ?? ''}/${claim.name ?? ''}`);
  page.line(0, 'Reclaim Policy:', spec?.persistentVolumeReclaimPolicy ?? '');
  page.line(0, 'Access Modes:', accessModesText(spec?.accessModes));
  if (spec?.volumeMode !== undefined) page.line(0, 'VolumeMode:', spec.volumeMode);
  page.line(0, 'Capacity:', quantityText(spec?.capacity?.storage));
  affinityLines(page, spec?.nodeAffinity?.required);
  page.line(0, 'Message:', status?.message ?? '');
  page.line(0, 'Source:');
  volumeSource(page, (spec ?? {}) as { readonly [field: string]: unknown }, true);
}

function affinityLines(page: Page, required: core.NodeSelector | undefined): void {
  page.line(0, 'Node Affinity:', required === undefined ? '<none>' : '');
  if (required === undefined) return;
  const terms = required.nodeSelectorTerms;
  page.line(1, 'Required Terms:', terms.length === 0 ? '<none>' : '');
  for (const [at, { matchExpressions = [] }] of terms.entries())
    termLines(
      page,
      2,
      at,
      matchExpressions.map(({ key, operator, values }) => requirementText(key, operator.toLowerCase(), values)),
    );
}

function termLines(page: Page, level: number, at: number, requirements: readonly string[]): void {
  const [first = '<none>', ...others] = requirements;
  page.line(level, `Term ${at}:`, first);
  for (const other of others) page.line(level, '', other);
}

const requirementText = (key: string, operator: string, values: readonly string[] | undefined): string =>
  values?.length ? `${key} ${operator} [${values.join(', ')}]` : `${key} ${operator}`;

const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export function describeStorageClass(page: Page, object: StorageClass): void {
  const { metadata } = object;
  head(page, object, false);
  const byDefault = defaultAnnotations.some((key) => metadata.annotations?.[key] === 'true');
  page.line(0, 'IsDefaultClass:', byDefault ? 'Yes' : 'No');
  page.line(0, 'Annotations:', labelsText(metadata.annotations));
  page.line(0, 'Provisioner:', object.provisioner);
  page.line(0, 'Parameters:', labelsText(object.parameters));
  const expandable = object.allowVolumeExpansion;
  page.line(0, 'AllowVolumeExpansion:', expandable === undefined ? '<unset>' : boolText(expandable));
  const options = object.mountOptions ?? [];
  page.line(0, 'MountOptions:', ...(options.length === 0 ? ['<none>'] : []));
  for (const option of options) page.line(1, option);
  if (object.reclaimPolicy !== undefined) page.line(0, 'ReclaimPolicy:', object.reclaimPolicy);
  if (object.volumeBindingMode !== undefined) page.line(0, 'VolumeBindingMode:', object.volumeBindingMode);
  const topologies = object.allowedTopologies;
  if (topologies === undefined) return;
  page.line(0, 'AllowedTopologies:', topologies.length === 0 ? '<none>' : '');
  for (const [at, { matchLabelExpressions = [] }] of topologies.entries())
    termLines(
      page,
      1,
      at,
      matchLabelExpressions.map(({ key, values }) => requirementText(key, 'in', values)),
    );
}
