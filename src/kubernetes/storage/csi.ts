/** CSIDrivers, CSINodes, CSIStorageCapacities and VolumeAttachments: defaults, rules, columns. */
import type * as v1 from 'kubernetes-types/storage/v1.d.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { immutable } from '../validation.ts';

const driver = columnsOf<v1.CSIDriver>();
const driverNode = columnsOf<v1.CSINode>();
const capacity = columnsOf<v1.CSIStorageCapacity>();
const attachment = columnsOf<v1.VolumeAttachment>();

export const csiDriver: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as v1.CSIDriver;
    if (spec === undefined) return;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  columns: [
    nameColumn,
    driver.column('AttachRequired', ({ spec }) => spec?.attachRequired ?? true, 'boolean'),
    driver.column('PodInfoOnMount', ({ spec }) => spec?.podInfoOnMount ?? false, 'boolean'),
    driver.column('StorageCapacity', ({ spec }) => spec?.storageCapacity ?? false, 'boolean'),
    driver.column('TokenRequests', ({ spec }) =>
      spec?.tokenRequests === undefined ? '<unset>' : spec?.tokenRequests.map(({ audience }) => audience).join(','),
    ),
    driver.column('RequiresRepublish', ({ spec }) => spec?.requiresRepublish ?? false, 'boolean'),
    driver.column('Modes', ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>'),
    ageColumn,
  ],
};

export const csiNode: KindBehaviour = {
  columns: [nameColumn, driverNode.column('Drivers', ({ spec }) => spec?.drivers?.length ?? 0, 'integer'), ageColumn],
};

export const csiStorageCapacity: KindBehaviour = {
  validate(object) {
    return (object as unknown as v1.CSIStorageCapacity).storageClassName
      ? []
      : [fieldError.required('storageClassName')];
  },
  columns: [
    nameColumn,
    capacity.column('StorageClassName', ({ storageClassName }) => storageClassName ?? ''),
    capacity.column('Capacity', (object) => object.capacity ?? '<unset>'),
  ],
};

export const volumeAttachment: KindBehaviour = {
  validate(object) {
    const { spec } = object as unknown as DeepReadonly<v1.VolumeAttachment>;
    const errors: FieldError[] = [];
    if (!spec?.attacher) errors.push(fieldError.required('spec.attacher'));
    if (!spec?.nodeName) errors.push(fieldError.required('spec.nodeName'));
    if (!spec?.source?.persistentVolumeName && spec?.source?.inlineVolumeSpec === undefined) {
      errors.push(
        fieldError.required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'),
      );
    }
    return errors;
  },
  validateUpdate(object, old) {
    const { spec } = object as unknown as v1.VolumeAttachment;
    return deepEqual(spec, (old as unknown as v1.VolumeAttachment).spec)
      ? []
      : [fieldError.invalid('spec', spec, immutable)];
  },
  columns: [
    nameColumn,
    { ...attachment.column('Attacher', ({ spec }) => spec?.attacher ?? ''), format: 'name' },
    attachment.column('PV', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    attachment.column('Node', ({ spec }) => spec?.nodeName ?? ''),
    attachment.column('Attached', ({ status }) => status?.attached ?? false, 'boolean'),
    ageColumn,
  ],
};
