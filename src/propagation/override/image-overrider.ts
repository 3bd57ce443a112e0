/** imageOverrider: one part of the image of every container, or of the one field that a predicate names. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { applyJsonPatch, type JsonPatchOperation } from '../../apimachinery/patch/json.ts';
import type { ImageOverrider } from '../../apis/policy/v1alpha1/override-policy.ts';
import { formatImage, type ImageReference, parseImage, withTagOrDigest } from './image-reference.ts';
import { containersOf, containersPath, stringAt } from './template-fields.ts';

type Overrider = DeepReadonly<ImageOverrider>;

/** @throws when the predicate's field is no string, or an image cannot be parsed */
export function overrideImages(object: Unstructured, overriders: readonly Overrider[]): Unstructured {
  let result = object;
  for (const overrider of overriders) {
    const patch = fieldsOf(result, overrider).map(
      ({ path, image }): JsonPatchOperation => ({ op: 'replace', path, value: overrideImage(image, overrider) }),
    );
    if (patch.length > 0) result = applyJsonPatch(result, patch) as Unstructured;
  }
  return result;
}

/** The image with one part added to, replaced or removed. */
export function overrideImage(image: string, overrider: Overrider): string {
  return formatImage(withPart(parseImage(image), overrider));
}

function withPart(image: ImageReference, { component, operator, value = '' }: Overrider): ImageReference {
  switch (component) {
    case 'Registry':
      return { ...image, registry: edit(image.registry, operator, value) };
    case 'Repository':
      return { ...image, repository: edit(image.repository, operator, value) };
    case 'Tag':
      return operator === 'remove'
        ? { ...image, tag: '', digest: '' }
        : withTagOrDigest(image, edit(image.tag || image.digest, operator, value));
  }
}

function edit(text: string, operator: Overrider['operator'], value: string): string {
  if (operator === 'remove') return '';
  return operator === 'add' ? text + value : value;
}

function fieldsOf(object: Unstructured, overrider: Overrider): { path: string; image: string }[] {
  const pointer = overrider.predicate?.path;
  if (pointer !== undefined) return [{ path: pointer, image: stringAt(object, pointer) }];
  const prefix = containersPath(object.kind);
  if (prefix === undefined) return [];
  return containersOf(object, prefix).map(({ image }, i) => ({
    path: `${prefix}/${i}/image`,
    image: typeof image === 'string' ? image : '',
  }));
}
