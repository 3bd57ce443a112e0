/** All overriders of one rule, in their fixed order; each sees what those before it made. Pure. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { Overriders } from '../../apis/policy/v1alpha1/override-policy.ts';
import { overrideCommandLine } from './command-args-overrider.ts';
import { overrideFields } from './field-overrider.ts';
import { overrideImages } from './image-overrider.ts';
import { overrideEntries } from './label-annotation-overrider.ts';
import { overridePlaintext } from './plaintext-overrider.ts';

/** The object given is not changed. @throws when an overrider cannot be applied */
export function applyOverriders(object: Unstructured, overriders: DeepReadonly<Overriders>): Unstructured {
  let result = overrideImages(object, overriders.imageOverrider ?? []);
  result = overrideCommandLine(result, 'command', overriders.commandOverrider ?? []);
  result = overrideCommandLine(result, 'args', overriders.argsOverrider ?? []);
  result = overrideEntries(result, 'labels', overriders.labelsOverrider ?? []);
  result = overrideEntries(result, 'annotations', overriders.annotationsOverrider ?? []);
  result = overrideFields(result, overriders.fieldOverrider ?? []);
  return overridePlaintext(result, overriders.plaintext ?? []);
}
