/** Whole objects as JSON, YAML or names. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { shownName } from '../resource-arguments.ts';

export type ObjectFormat = 'json' | 'yaml' | 'name';

export async function formatObject(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 4)}\n`;
  const { formatYaml } = await import('./yaml.ts');
  return formatYaml(value);
}

/** One object alone, or a List of several. */
export async function formatObjects(
  items: readonly { type: ResourceType; object: Unstructured }[],
  format: ObjectFormat,
  alone: boolean,
): Promise<string> {
  if (format === 'name')
    return items.map(({ type, object }) => `${shownName(type, object.metadata.name ?? '')}\n`).join('');
  const objects = items.map(({ object }) => object);
  const output = alone
    ? objects[0]
    : { apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } };
  return formatObject(output, format);
}
