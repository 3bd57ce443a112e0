/** ResourceSlices: the devices that a driver offers. */
import { formatTime } from '../../apimachinery/clock.ts';
import { labelValueErrors, qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { WriteContext } from '../../apimachinery/resource-definition.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkNodeSelector } from '../core/pod-placement-validation.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkDnsLabel, checkDnsSubdomain, checkOneOf, immutable } from '../validation.ts';
import { checkDriverName, checkList, checkSet } from './device-validation.ts';
import type { Device, ResourceSlice } from './types.ts';

const { column } = columnsOf<ResourceSlice>();

const maxDevices = 128;
/** With taints, counters or lists of values. */
const maxRichDevices = 64;
const maxCounterSets = 8;
const maxAttributes = 32;
const maxTaints = 16;

type Spec = DeepReadonly<NonNullable<ResourceSlice['spec']>>;
type Placed = Pick<DeepReadonly<Device>, 'nodeName' | 'nodeSelector' | 'allNodes'>;

export const resourceSlice: KindBehaviour = {
  prepareForCreate: (object, context) => stampTaints(object as ResourceSlice, context),
  prepareForUpdate: (object, _old, context) => stampTaints(object as ResourceSlice, context),
  validate(object) {
    const spec: Spec = (object as DeepReadonly<ResourceSlice>).spec ?? {};
    const { pool, devices = [] } = spec;
    const errors = [...checkDriverName(spec.driver, 'spec.driver'), ...checkPoolName(pool?.name, 'spec.pool.name')];
    const count = pool?.resourceSliceCount ?? 0;
    if (count <= 0) errors.push(fieldError.invalid('spec.pool.resourceSliceCount', count, 'must be greater than zero'));
    const generation = pool?.generation ?? 0;
    if (generation < 0)
      errors.push(fieldError.invalid('spec.pool.generation', generation, 'must be greater than or equal to zero'));
    errors.push(...checkPlace(spec));
    if (spec.sharedCounters !== undefined && spec.devices !== undefined)
      errors.push(fieldError.invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'));
    const max = devices.some(isRich) ? maxRichDevices : maxDevices;
    errors.push(
      ...checkSet(
        devices,
        ({ name }) => name,
        max,
        'spec.devices',
        (device, at) => checkDevice(device, spec.perDeviceNodeSelection === true, at),
      ),
      ...checkSet(
        spec.sharedCounters ?? [],
        ({ name }) => name,
        maxCounterSets,
        'spec.sharedCounters',
        (set, at) => checkDnsLabel(set.name, `${at}.name`),
      ),
    );
    return errors;
  },
  validateUpdate(object, old) {
    const after: Spec = (object as DeepReadonly<ResourceSlice>).spec ?? {};
    const before: Spec = (old as DeepReadonly<ResourceSlice>).spec ?? {};
    const parts: [string, unknown, unknown][] = [
      ['pool.name', after.pool?.name, before.pool?.name],
      ['driver', after.driver, before.driver],
      ['nodeName', after.nodeName, before.nodeName],
    ];
    return parts
      .filter(([, now, then]) => now !== then)
      .map(([key, now]) => fieldError.invalid(`spec.${key}`, now, immutable));
  },
  selectableFields: {
    'spec.nodeName': (object) => (object as DeepReadonly<ResourceSlice>).spec?.nodeName ?? '',
    'spec.driver': (object) => (object as DeepReadonly<ResourceSlice>).spec?.driver ?? '',
  },
  columns: [
    nameColumn,
    column('Node', ({ spec }) => spec?.nodeName ?? ''),
    column('Driver', ({ spec }) => spec?.driver ?? ''),
    column('Pool', ({ spec }) => spec?.pool?.name ?? ''),
    ageColumn,
  ],
};

/** A taint counts from when it was written. */
function stampTaints({ spec }: ResourceSlice, { now }: WriteContext): void {
  for (const device of spec?.devices ?? [])
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(now);
}

/** Exactly one way of saying which nodes reach the devices. */
function checkPlace(spec: Spec): FieldError[] {
  const errors: FieldError[] = [];
  const set = placesOf(spec, 'spec', 'must be either unset or set to a non-empty string', errors);
  if ((spec.nodeSelector?.nodeSelectorTerms ?? []).length > 1)
    errors.push(
      fieldError.invalid(
        'spec.nodeSelector.nodeSelectorTerms',
        spec.nodeSelector?.nodeSelectorTerms,
        'must have exactly one node selector term',
      ),
    );
  if (spec.perDeviceNodeSelection === true) set.push('`perDeviceNodeSelection`');
  else if (spec.perDeviceNodeSelection === false)
    errors.push(fieldError.invalid('spec.perDeviceNodeSelection', false, 'must be either unset or set to true'));
  const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) errors.push(fieldError.required('spec', one));
  if (set.length > 1)
    errors.push(fieldError.invalid('spec', `{${set.join(', ')}}`, `${one}, but multiple fields are set`));
  return errors;
}

function placesOf(place: Placed, field: string, empty: string, errors: FieldError[]): string[] {
  const set: string[] = [];
  const { nodeName, nodeSelector, allNodes } = place;
  if (nodeName === '') errors.push(fieldError.invalid(`${field}.nodeName`, '', empty));
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    errors.push(...checkDnsSubdomain(nodeName, `${field}.nodeName`));
  }
  if (nodeSelector !== undefined) {
    set.push('`nodeSelector`');
    errors.push(...checkNodeSelector(nodeSelector, `${field}.nodeSelector`));
  }
  if (allNodes === true) set.push('`allNodes`');
  else if (allNodes === false)
    errors.push(fieldError.invalid(`${field}.allNodes`, false, 'must be either unset or set to true'));
  return set;
}

function checkDevice(device: DeepReadonly<Device>, placedAlone: boolean, field: string): FieldError[] {
  const errors = checkDnsLabel(device.name, `${field}.name`);
  const { attributes = {}, capacity = {} } = device;
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > maxAttributes)
    errors.push(
      fieldError.invalid(
        field,
        count,
        `the total number of attributes and capacities must not exceed ${maxAttributes}`,
      ),
    );
  for (const [key, value] of Object.entries(attributes)) {
    const at = `${field}.attributes[${key}]`;
    errors.push(...qualifiedNameErrors(key).map((text) => fieldError.invalid(at, key, text)));
    const values = Object.keys(value).length;
    if (values === 0) errors.push(fieldError.required(at, 'exactly one value must be specified'));
    if (values > 1) errors.push(fieldError.invalid(at, value, 'exactly one value must be specified'));
  }
  for (const key of Object.keys(capacity))
    errors.push(...qualifiedNameErrors(key).map((text) => fieldError.invalid(`${field}.capacity[${key}]`, key, text)));
  errors.push(
    ...checkList(device.taints ?? [], maxTaints, `${field}.taints`, ({ key = '', value = '', effect }, at) => [
      ...qualifiedNameErrors(key).map((text) => fieldError.invalid(`${at}.key`, key, text)),
      ...labelValueErrors(value).map((text) => fieldError.invalid(`${at}.value`, value, text)),
      ...checkOneOf(effect, ['NoExecute', 'NoSchedule', 'None'], `${at}.effect`, true),
    ]),
  );
  return [...errors, ...checkDevicePlace(device, placedAlone, field)];
}

function checkDevicePlace(device: DeepReadonly<Device>, placedAlone: boolean, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const set = placesOf(device, field, 'must not be empty', errors);
  if (!placedAlone)
    return device.nodeName === undefined && device.nodeSelector === undefined && device.allNodes === undefined
      ? []
      : [
          fieldError.invalid(
            field,
            null,
            '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
          ),
        ];
  const one =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) errors.push(fieldError.required(field, one));
  if (set.length > 1) errors.push(fieldError.invalid(field, `{${set.join(', ')}}`, one));
  return errors;
}

const isRich = (device: DeepReadonly<Device>): boolean =>
  (device.taints ?? []).length > 0 ||
  (device.consumesCounters ?? []).length > 0 ||
  Object.values(device.attributes ?? {}).some((value) => Object.values(value).some(Array.isArray));

/** `a.b/c`: names between slashes. */
function checkPoolName(name: string | undefined, field: string): FieldError[] {
  if (!name) return [fieldError.required(field)];
  if (name.length > 253) return [fieldError.tooLong(field, 253)];
  return name.split('/').flatMap((part) => checkDnsSubdomain(part, field));
}
