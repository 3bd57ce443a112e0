/** PersistentVolumeClaims: defaults, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { accessModesText, ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import type { PersistentVolumeClaim } from '../types.ts';
import { accessModes, storageClassOf } from './persistent-volume.ts';

const { column, wide } = columnsOf<PersistentVolumeClaim>();
type Typed = DeepReadonly<PersistentVolumeClaim>;

export const persistentVolumeClaim: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as PersistentVolumeClaim;
    if (spec !== undefined) spec.volumeMode ??= 'Filesystem';
  },
  prepareForCreate(object) {
    (object as unknown as PersistentVolumeClaim).status = { phase: 'Pending' };
  },
  validate(object) {
    const { spec } = object as Typed;
    const errors: FieldError[] = [];
    const modes = spec?.accessModes ?? [];
    if (modes.length === 0) errors.push(fieldError.required('spec.accessModes', 'at least 1 access mode is required'));
    modes.forEach((mode) => {
      if (!accessModes.includes(mode)) errors.push(fieldError.notSupported('spec.accessModes', mode, accessModes));
    });
    if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
      errors.push(fieldError.forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes'));
    }
    const storage = spec?.resources?.requests?.['storage'];
    if (storage === undefined) errors.push(fieldError.required('spec.resources[storage]'));
    else if (compareQuantityTexts(storage, '0') <= 0) {
      errors.push(fieldError.invalid('spec.resources[storage]', storage, 'must be greater than zero'));
    }
    return errors;
  },
  validateUpdate(object, old) {
    const after = object as Typed;
    const before = old as Typed;
    const errors: FieldError[] = [];
    if (!deepEqual(frozenPart(after, before), frozenPart(before, before))) {
      errors.push(
        fieldError.forbidden(
          'spec',
          'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
        ),
      );
    }
    const newSize = after.spec?.resources?.requests?.['storage'];
    const oldSize = before.spec?.resources?.requests?.['storage'];
    const statusSize = before.status?.capacity?.['storage'];
    if (newSize !== undefined && oldSize !== undefined && compareQuantityTexts(newSize, oldSize) < 0) {
      if (statusSize === undefined || compareQuantityTexts(newSize, statusSize) <= 0) {
        errors.push(
          fieldError.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'),
        );
      }
    }
    return errors;
  },
  columns: [
    nameColumn,
    column('Status', ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''))),
    column('Volume', ({ spec }) => spec?.volumeName ?? ''),
    column('Capacity', ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.['storage'] ?? '') : '')),
    column('Access Modes', ({ spec, status }) => (spec?.volumeName ? accessModesText(status?.accessModes) : '')),
    column('StorageClass', (claim) => storageClassOf(claim)),
    column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    ageColumn,
    wide('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>'),
  ],
};

/** What may not change: bound claims may grow, a volume and a class may be filled in once. */
function frozenPart({ spec }: Typed, { spec: old }: Typed): unknown {
  const rest: Record<string, unknown> = { ...spec };
  delete rest['volumeAttributesClassName'];
  if (old?.volumeName) {
    const { requests, ...resources } = spec?.resources ?? {};
    rest['resources'] = { ...resources, requests: { ...requests, storage: undefined } };
  } else delete rest['volumeName'];
  if (old?.storageClassName === undefined) delete rest['storageClassName'];
  return rest;
}
