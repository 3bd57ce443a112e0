/** DeviceClasses: kinds of devices that claims ask for. */
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, nameColumn } from '../printing/formats.ts';
import { checkConfigurations, checkSelectors } from './device-validation.ts';
import type { DeviceClass } from './types.ts';

export const deviceClass: KindBehaviour = {
  validate(object) {
    const { spec } = object as DeepReadonly<DeviceClass>;
    const errors = [
      ...checkSelectors(spec?.selectors, 'spec.selectors'),
      ...checkConfigurations(spec?.config, 'spec.config'),
    ];
    const name = spec?.extendedResourceName;
    if (name !== undefined && !isExtendedResource(name))
      errors.push(fieldError.invalid('spec.extendedResourceName', name, 'must be a valid extended resource name'));
    return errors;
  },
  columns: [nameColumn, ageColumn],
};

/** A name in a domain of its own, as in `limits` of a container; `requests.` before it would still be a name. */
const isExtendedResource = (name: string): boolean =>
  name.includes('/') &&
  !/(?:^|\.)kubernetes\.io\//.test(name) &&
  !name.startsWith('requests.') &&
  qualifiedNameErrors(`requests.${name}`).length === 0;
