/** PersistentVolumes: defaults, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { accessModesText, ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import type { PersistentVolume } from '../types.ts';
import { checkOneOf, immutable } from '../validation.ts';

const { column, wide } = columnsOf<PersistentVolume>();
type Typed = DeepReadonly<PersistentVolume>;

/** The class by its old annotation, else by the field. */
export function storageClassOf(object: {
  readonly metadata: { readonly annotations?: { readonly [key: string]: string } };
  readonly spec?: { readonly storageClassName?: string } | undefined;
}): string {
  return (
    object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec?.storageClassName ?? ''
  );
}

export const persistentVolume: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as PersistentVolume;
    if (spec === undefined) return;
    spec.volumeMode ??= 'Filesystem';
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    if (spec.hostPath !== undefined) spec.hostPath.type ??= '';
  },
  prepareForCreate(object) {
    (object as unknown as PersistentVolume).status = { phase: 'Pending' };
  },
  validate(object) {
    const { spec } = object as Typed;
    const errors: FieldError[] = [];
    if ((spec?.accessModes ?? []).length === 0) errors.push(fieldError.required('spec.accessModes'));
    if (spec?.capacity?.['storage'] === undefined) errors.push(fieldError.required('spec.capacity'));
    else if (compareQuantityTexts(spec.capacity['storage'], '0') <= 0) {
      errors.push(fieldError.invalid('spec.capacity[storage]', spec.capacity['storage'], 'must be greater than zero'));
    }
    spec?.accessModes?.forEach((mode) => {
      if (!accessModes.includes(mode)) errors.push(fieldError.notSupported('spec.accessModes', mode, accessModes));
    });
    if (spec?.accessModes?.includes('ReadWriteOncePod') && spec.accessModes.length > 1) {
      errors.push(fieldError.forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes'));
    }
    errors.push(
      ...checkOneOf(
        spec?.persistentVolumeReclaimPolicy,
        ['Delete', 'Recycle', 'Retain'],
        'spec.persistentVolumeReclaimPolicy',
      ),
    );
    if (!Object.keys(spec ?? {}).some((key) => !plainFields.has(key))) {
      errors.push(fieldError.required('spec', 'must specify a volume type'));
    }
    return errors;
  },
  validateUpdate(object, old) {
    const source = ({ spec }: Typed): unknown =>
      Object.fromEntries(Object.entries(spec ?? {}).filter(([key]) => !plainFields.has(key)));
    const errors: FieldError[] = [];
    if (!deepEqual(source(object as Typed), source(old as Typed))) {
      errors.push(
        fieldError.forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'),
      );
    }
    const mode = (object as Typed).spec?.volumeMode;
    if (mode !== (old as Typed).spec?.volumeMode) errors.push(fieldError.invalid('spec.volumeMode', mode, immutable));
    return errors;
  },
  columns: [
    nameColumn,
    column('Capacity', ({ spec }) => spec?.capacity?.['storage'] ?? ''),
    column('Access Modes', ({ spec }) => accessModesText(spec?.accessModes)),
    column('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
    column('Status', ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''))),
    column('Claim', ({ spec }) =>
      spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
    ),
    column('StorageClass', (volume) => storageClassOf(volume)),
    column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    column('Reason', ({ status }) => status?.reason ?? ''),
    ageColumn,
    wide('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>'),
  ],
};

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Fields of the spec that do not say what the volume is made of. */
const plainFields: ReadonlySet<string> = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);
