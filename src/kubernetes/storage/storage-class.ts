/** StorageClasses and VolumeAttributesClasses: defaults, rules, columns. */
import { type DeepReadonly, deepEqual, type ObjectMeta } from '../../apimachinery/object.ts';
import type { TableColumn } from '../../apimachinery/resource-definition.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { StorageClass } from '../types.ts';
import { checkOneOf } from '../validation.ts';

const { column } = columnsOf<StorageClass>();
type Typed = DeepReadonly<StorageClass>;

export const storageClass: KindBehaviour = {
  default(object) {
    const typed = object as unknown as StorageClass;
    typed.reclaimPolicy ??= 'Delete';
    typed.volumeBindingMode ??= 'Immediate';
  },
  validate(object) {
    const { provisioner, reclaimPolicy, volumeBindingMode } = object as Typed;
    const errors: FieldError[] = provisioner ? [] : [fieldError.required('provisioner')];
    errors.push(...checkOneOf(reclaimPolicy, ['Delete', 'Retain'], 'reclaimPolicy'));
    errors.push(...checkOneOf(volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], 'volumeBindingMode', true));
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    if (!deepEqual((object as Typed).parameters, (old as Typed).parameters)) {
      errors.push(fieldError.forbidden('parameters', 'updates to parameters are forbidden.'));
    }
    for (const key of ['provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const) {
      if ((object as Typed)[key] !== (old as Typed)[key]) {
        errors.push(fieldError.forbidden(key, `updates to ${key} are forbidden.`));
      }
    }
    return errors;
  },
  columns: [
    classNameColumn('storageclass'),
    column('Provisioner', ({ provisioner }) => provisioner ?? ''),
    column('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    column('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
    column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    ageColumn,
  ],
};

interface VolumeAttributesClass {
  metadata: ObjectMeta;
  driverName?: string;
  parameters?: Record<string, string>;
}

const attributes = columnsOf<VolumeAttributesClass>();

export const volumeAttributesClass: KindBehaviour = {
  validate(object) {
    const { driverName, parameters } = object as unknown as VolumeAttributesClass;
    const errors: FieldError[] = driverName ? [] : [fieldError.required('driverName')];
    if (Object.keys(parameters ?? {}).length === 0) {
      errors.push(fieldError.required('parameters', 'must contain at least one key/value pair'));
    }
    return errors;
  },
  validateUpdate(object, old) {
    const after = object as unknown as VolumeAttributesClass;
    const before = old as unknown as VolumeAttributesClass;
    const errors: FieldError[] = [];
    if (after.driverName !== before.driverName) {
      errors.push(fieldError.forbidden('driverName', 'updates to driverName are forbidden.'));
    }
    if (!deepEqual(after.parameters, before.parameters)) {
      errors.push(fieldError.forbidden('parameters', 'updates to parameters are forbidden.'));
    }
    return errors;
  },
  columns: [
    classNameColumn('volumeattributesclass'),
    attributes.column('DriverName', ({ driverName }) => driverName ?? ''),
    ageColumn,
  ],
};

/** The name, marked when the class is the default one. */
function classNameColumn(prefix: string): TableColumn {
  return {
    ...nameColumn,
    cell({ metadata }) {
      const is = (name: string): boolean => metadata.annotations?.[name] === 'true';
      const byDefault =
        is(`${prefix}.kubernetes.io/is-default-class`) || is(`${prefix}.beta.kubernetes.io/is-default-class`);
      return byDefault ? `${metadata.name ?? ''} (default)` : (metadata.name ?? '');
    },
  };
}
