/** CSIDrivers, CSINodes, CSIStorageCapacities and VolumeAttachments: defaults, rules, columns. */
import type * as v1 from 'kubernetes-types/storage/v1.d.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import { checkDnsSubdomain, checkLabelSelector, checkNonNegative, checkOneOf, immutable } from '../validation.ts';

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
  validate(object) {
    const { metadata, spec } = object as unknown as DeepReadonly<v1.CSIDriver>;
    const errors = checkDriverName(metadata?.name ?? '', 'metadata.name');
    spec?.volumeLifecycleModes?.forEach((mode) => {
      errors.push(...checkOneOf(mode, ['Ephemeral', 'Persistent'], 'spec.volumeLifecycleModes'));
    });
    errors.push(...checkOneOf(spec?.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType'], 'spec.fsGroupPolicy'));
    const audiences = new Set<string>();
    spec?.tokenRequests?.forEach(({ audience, expirationSeconds }, i) => {
      const at = `spec.tokenRequests[${i}]`;
      if (audiences.has(audience)) errors.push(fieldError.duplicate(`${at}.audience`, audience));
      audiences.add(audience);
      if (expirationSeconds !== undefined && expirationSeconds < 600) {
        errors.push(
          fieldError.invalid(
            `${at}.expirationSeconds`,
            expirationSeconds,
            'may not specify a duration less than 10 minutes',
          ),
        );
      }
    });
    return errors;
  },
  validateUpdate(object, old) {
    const { spec } = object as unknown as DeepReadonly<v1.CSIDriver>;
    const { spec: before } = old as unknown as DeepReadonly<v1.CSIDriver>;
    return (['attachRequired', 'volumeLifecycleModes'] as const)
      .filter((key) => !deepEqual(spec?.[key], before?.[key]))
      .map((key) => fieldError.invalid(`spec.${key}`, spec?.[key], immutable));
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
  validate(object) {
    const errors: FieldError[] = [];
    const names = new Set<string>();
    (object as unknown as DeepReadonly<v1.CSINode>).spec?.drivers?.forEach((entry, i) => {
      const at = `spec.drivers[${i}]`;
      errors.push(...checkDriverName(entry.name, `${at}.name`));
      if (!entry.nodeID) errors.push(fieldError.required(`${at}.nodeID`, entry.nodeID ?? ''));
      if (names.has(entry.name)) errors.push(fieldError.duplicate(`${at}.name`, entry.name));
      names.add(entry.name);
      errors.push(...checkNonNegative(entry.allocatable?.count, `${at}.allocatable.count`));
    });
    return errors;
  },
  columns: [nameColumn, driverNode.column('Drivers', ({ spec }) => spec?.drivers?.length ?? 0, 'integer'), ageColumn],
};

export const csiStorageCapacity: KindBehaviour = {
  validate(object) {
    const typed = object as unknown as DeepReadonly<v1.CSIStorageCapacity>;
    const errors = checkDnsSubdomain(typed.storageClassName, 'storageClassName');
    for (const key of ['capacity', 'maximumVolumeSize'] as const) {
      const amount = typed[key];
      if (amount !== undefined && compareQuantityTexts(amount, '0') < 0) {
        errors.push(fieldError.invalid(key, amount, 'must be greater than or equal to 0'));
      }
    }
    return [...errors, ...checkLabelSelector(typed.nodeTopology, 'nodeTopology')];
  },
  validateUpdate(object, old) {
    const after = object as unknown as DeepReadonly<v1.CSIStorageCapacity>;
    const before = old as unknown as DeepReadonly<v1.CSIStorageCapacity>;
    return (['nodeTopology', 'storageClassName'] as const)
      .filter((key) => !deepEqual(after[key], before[key]))
      .map((key) => fieldError.invalid(key, after[key], immutable));
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

const longestDriverName = 63;

function checkDriverName(name: string, field: string): FieldError[] {
  const errors = checkDnsSubdomain(name, field);
  if (name.length > longestDriverName) errors.push(fieldError.tooLong(field, longestDriverName));
  return errors;
}
