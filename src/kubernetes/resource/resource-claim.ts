/** ResourceClaims and their templates: what devices a pod wants, and which it got. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkNodeSelector } from '../core/pod-placement-validation.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkDnsLabel, checkOneOf, immutable } from '../validation.ts';
import {
  checkConfiguration,
  checkDeviceClaim,
  checkDriverName,
  checkList,
  checkRequestNames,
  checkSet,
  checkToleration,
  defaultDeviceClaim,
  requestNames,
} from './device-validation.ts';
import type { AllocationResult, ResourceClaim, ResourceClaimTemplate } from './types.ts';

const { column } = columnsOf<ResourceClaim>();

const maxReservedFor = 256;
const maxResults = 32;
const maxAllocatedConfigs = 64;

export const resourceClaim: KindBehaviour = {
  default: (object) => defaultDeviceClaim((object as ResourceClaim).spec?.devices),
  validate: (object) => checkDeviceClaim((object as DeepReadonly<ResourceClaim>).spec?.devices, 'spec.devices'),
  validateUpdate(object, old) {
    const { spec } = object as ResourceClaim;
    return deepEqual(spec, (old as ResourceClaim).spec) ? [] : [fieldError.invalid('spec', spec, immutable)];
  },
  validateStatus(object, old) {
    const { metadata, spec, status } = object as DeepReadonly<ResourceClaim>;
    const { status: before } = old as DeepReadonly<ResourceClaim>;
    const { allocation, reservedFor = [], devices = [] } = status ?? {};
    const errors = checkSet(
      reservedFor,
      ({ uid }) => uid,
      maxReservedFor,
      'status.reservedFor',
      (consumer, at) =>
        (['resource', 'name', 'uid'] as const)
          .filter((key) => !consumer[key])
          .map((key) => fieldError.required(`${at}.${key}`)),
    );
    const allocated = new Set(allocation?.devices?.results?.map(deviceKey));
    errors.push(
      ...checkSet(devices, deviceKey, Number.MAX_SAFE_INTEGER, 'status.devices', (device, at) =>
        allocated.has(deviceKey(device))
          ? []
          : [fieldError.invalid(at, deviceKey(device), 'must be an allocated device in the claim')],
      ),
    );
    if (reservedFor.length > 0 && allocation === undefined)
      errors.push(fieldError.forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
    const known = new Set(before?.reservedFor?.map(({ uid }) => uid));
    if (metadata.deletionTimestamp !== undefined && reservedFor.some(({ uid }) => !known.has(uid)))
      errors.push(
        fieldError.forbidden(
          'status.reservedFor',
          'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
        ),
      );
    if (allocation === undefined) return errors;
    if (before?.allocation === undefined)
      return [...errors, ...checkAllocation(allocation, requestNames(spec?.devices), 'status.allocation')];
    if (!deepEqual(allocation, before.allocation))
      errors.push(fieldError.invalid('status.allocation', allocation, immutable));
    return errors;
  },
  columns: [nameColumn, column('State', stateText), ageColumn],
};

export const resourceClaimTemplate: KindBehaviour = {
  default: (object) => defaultDeviceClaim((object as ResourceClaimTemplate).spec?.spec?.devices),
  validate: (object) =>
    checkDeviceClaim((object as DeepReadonly<ResourceClaimTemplate>).spec?.spec?.devices, 'spec.spec.devices'),
  validateUpdate(object, old) {
    const { spec } = object as ResourceClaimTemplate;
    return deepEqual(spec, (old as ResourceClaimTemplate).spec) ? [] : [fieldError.invalid('spec', spec, immutable)];
  },
  columns: [nameColumn, ageColumn],
};

const deviceKey = (device: DeepReadonly<{ driver?: string; pool?: string; device?: string; shareID?: string }>) =>
  [device.driver, device.pool, device.device, ...(device.shareID === undefined ? [] : [device.shareID])].join('/');

function checkAllocation(
  { devices, nodeSelector }: DeepReadonly<AllocationResult>,
  names: ReadonlySet<string>,
  field: string,
): FieldError[] {
  const errors = checkList(devices?.results ?? [], maxResults, `${field}.devices.results`, (result, at) => [
    ...checkRequestNames([result.request ?? ''], names, `${at}.request`),
    ...checkDriverName(result.driver, `${at}.driver`),
    ...(result.pool ? [] : [fieldError.required(`${at}.pool`)]),
    ...checkDnsLabel(result.device, `${at}.device`),
    ...(result.tolerations ?? []).flatMap((toleration, i) => checkToleration(toleration, `${at}.tolerations[${i}]`)),
  ]);
  errors.push(
    ...checkList(devices?.config ?? [], maxAllocatedConfigs, `${field}.devices.config`, (config, at) => [
      ...checkOneOf(config.source, ['FromClaim', 'FromClass'], `${at}.source`, true),
      ...checkRequestNames(config.requests, names, `${at}.requests`),
      ...checkConfiguration(config, at),
    ]),
  );
  if (nodeSelector !== undefined) errors.push(...checkNodeSelector(nodeSelector, `${field}.nodeSelector`));
  return errors;
}

function stateText({ metadata, status }: DeepReadonly<ResourceClaim>): string {
  const states = metadata.deletionTimestamp === undefined ? [] : ['deleted'];
  if (status?.allocation !== undefined) states.push('allocated');
  else if (states.length === 0) states.push('pending');
  if (status?.allocation !== undefined && (status.reservedFor ?? []).length > 0) states.push('reserved');
  return states.join(',');
}
