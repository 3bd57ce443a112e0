/** What `kubectl explain` says of the built-in kinds that people use: a line each for messages and fields (descriptions.tsv). */
import { readFileSync } from 'node:fs';
import { definitionName } from '../../kubernetes/field-schema.ts';

/** Of a message by its definition name (`io.k8s.api.core.v1.PodSpec`), or of one of its fields. */
export function descriptionOf(definition: string, field = ''): string | undefined {
  const known = table();
  const own = known.get(`${definition} ${field}`);
  if (own !== undefined || field === '' || !definition.startsWith('io.k8s.')) return own;
  return endingsOf(definition)
    .map((ending) => known.get(`*${ending} ${field}`))
    .find((text) => text !== undefined);
}

/** `…v1.ResourceClaimSpec`: ClaimSpec, Spec and nothing, the longest first. */
function endingsOf(definition: string): string[] {
  const words = definition.slice(definition.lastIndexOf('.') + 1).match(/[A-Z][a-z0-9]*/g) ?? [];
  return [...words.map((_, i) => words.slice(i).join('')), ''];
}

let parsed: ReadonlyMap<string, string> | undefined;

/** Lines are message, field (empty: the message itself) and text; `*` stands for all, `*Status` for those that end so. */
function table(): ReadonlyMap<string, string> {
  parsed ??= new Map(
    readFileSync(new URL('./descriptions.tsv', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): [string, string] => {
        const [message = '', field = '', text = ''] = line.split('\t');
        return [`${message.startsWith('*') ? message : definitionName(message)} ${field}`, text];
      }),
  );
  return parsed;
}
