/** Defaults and rules of ResourceBinding and ClusterResourceBinding. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { FieldError } from '../apimachinery/status-error.ts';
import {
  clusterResourceBindingPermanentIdLabel,
  dependenciesAnnotation,
  resourceBindingPermanentIdLabel,
} from '../apis/constants.ts';
import type { ClusterResourceBinding, ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import { fieldErrorTexts } from './denial.ts';
import { invalidValue } from './invalid-value.ts';

/** On create only. A permanent id that is already there is kept. */
export function mutateResourceBinding(binding: ResourceBinding, newId: () => string): void {
  if (!binding.metadata.labels?.[resourceBindingPermanentIdLabel])
    binding.metadata.labels = { ...binding.metadata.labels, [resourceBindingPermanentIdLabel]: newId() };
}

export function mutateClusterResourceBinding(binding: ClusterResourceBinding, newId: () => string): void {
  if (!binding.metadata.labels?.[clusterResourceBindingPermanentIdLabel])
    binding.metadata.labels = { ...binding.metadata.labels, [clusterResourceBindingPermanentIdLabel]: newId() };
}

/** What is wrong, in the words of the refusal; empty when nothing is. ClusterResourceBindings are not validated. */
export function validateResourceBinding(binding: DeepReadonly<ResourceBinding>): string[] {
  const errors: FieldError[] = [];
  const dependencies = binding.metadata.annotations?.[dependenciesAnnotation];
  if (dependencies !== undefined && !isListOfObjects(dependencies))
    errors.push(
      invalidValue(
        `metadata.annotations.${dependenciesAnnotation}`,
        dependencies,
        'annotation value must be a valid JSON',
      ),
    );
  const names = new Set<string>();
  for (const [i, { name }] of (binding.spec.components ?? []).entries()) {
    const path = `spec.components[${i}].name`;
    if (name === '') errors.push(invalidValue(path, name, 'component names must be non-empty'));
    else if (names.has(name)) errors.push(invalidValue(path, name, 'component names must be unique'));
    names.add(name);
  }
  return fieldErrorTexts(errors);
}

function isListOfObjects(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return true;
    return Array.isArray(value) && value.every((item) => typeof item === 'object' && !Array.isArray(item));
  } catch {
    return false;
  }
}
