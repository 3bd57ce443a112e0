/** The parts of a container image's name: `[registry/]repository[:tag|@digest]`. */

export interface ImageReference {
  /** Empty: none is written. */
  registry: string;
  repository: string;
  /** Empty: none is written. At most one of tag and digest is kept. */
  tag: string;
  digest: string;
}

/** The grammar of the distribution project's references. */
const tagText = /^[\w][\w.-]{0,127}$/;
const digestText = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const segment = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const host = /^(?:[a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const longestName = 255;

/** @throws on a text that is no image reference */
export function parseImage(text: string): ImageReference {
  const refused = (): Error => new Error(`failed to parse image value(${text}), error: invalid reference format`);
  const at = text.indexOf('@');
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const digest = at === -1 ? '' : text.slice(at + 1);
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  const name = colon === -1 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon === -1 ? '' : beforeDigest.slice(colon + 1);
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost';
  const registry = isHost ? first : '';
  const repository = isHost ? name.slice(slash + 1) : name;
  const valid =
    name.length <= longestName &&
    (registry === '' || host.test(registry)) &&
    repository.split('/').every((part) => segment.test(part)) &&
    (colon === -1 || tagText.test(tag)) &&
    (at === -1 || digestText.test(digest));
  if (!valid) throw refused();
  // With both, the digest is what counts for a runtime; the tag is the part that is kept and edited here, as upstream does.
  return { registry, repository, tag, digest: tag === '' ? digest : '' };
}

export function formatImage({ registry, repository, tag, digest }: ImageReference): string {
  const name = registry === '' ? repository : `${registry}/${repository}`;
  if (tag !== '') return `${name}:${tag}`;
  return digest === '' ? name : `${name}@${digest}`;
}

/** A value shaped like a tag replaces the digest, one shaped like a digest the tag; another changes nothing. */
export function withTagOrDigest(image: ImageReference, value: string): ImageReference {
  if (tagText.test(value)) return { ...image, tag: value, digest: '' };
  if (digestText.test(value)) return { ...image, tag: '', digest: value };
  return image;
}
