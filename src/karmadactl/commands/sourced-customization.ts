/** A customization and where it was read from. */
import type { ResourceInterpreterCustomization } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { resourceInterpreterCustomizations } from '../../apis/resource-types.ts';

/** Something that should be a customization, and where it is from. */
export interface SourcedCustomization {
  source: string;
  object: ResourceInterpreterCustomization;
}

/** undefined: it is one. */
export function notACustomization({ object }: SourcedCustomization): string | undefined {
  const { group, version, kind } = resourceInterpreterCustomizations;
  if (object.kind === kind && object.apiVersion === `${group}/${version}`) return undefined;
  return `not a ResourceInterpreterCustomization, got ${object.apiVersion}, Kind=${object.kind}`;
}
