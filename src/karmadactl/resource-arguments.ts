/** What stands behind a command: `deploy`, `deploy nginx web`, `deploy/nginx svc/web`, `pods,services`. */
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { Client } from '../client/client.ts';
import { type ApiResource, createDiscovery } from '../client/discovery.ts';

/** One type, and the names asked for; no names means all. */
export interface ResourceArgument {
  type: ApiResource;
  names: string[];
}

/** `prefix` stands before the message that a type is unknown. */
export async function resolveArguments(
  client: Client,
  args: readonly string[],
  signal: AbortSignal,
  prefix = '',
): Promise<ResourceArgument[]> {
  const discovery = createDiscovery(client);
  const find = async (word: string): Promise<ApiResource> => {
    const found = await discovery.find(word, signal);
    if (found === undefined) throw new Error(`${prefix}the server doesn't have a resource type "${word}"`);
    return found;
  };
  if (args.some((arg) => arg.includes('/'))) {
    const requests: ResourceArgument[] = [];
    for (const arg of args) {
      const [word = '', name = '', ...more] = arg.split('/');
      if (more.length > 0 || word === '' || name === '') {
        throw new Error(
          'there is no need to specify a resource type as a separate argument when passing arguments in resource/name form',
        );
      }
      requests.push({ type: await find(word), names: [name] });
    }
    return requests;
  }
  const [words = '', ...names] = args;
  // One after the other: the first answer of discovery serves the others.
  const requests: ResourceArgument[] = [];
  for (const word of words.split(',')) {
    const category = names.length === 0 ? await discovery.category(word, signal) : [];
    requests.push(...(category.length > 0 ? category : [await find(word)]).map((type) => ({ type, names })));
  }
  return requests;
}

/** `deployment.apps/nginx`, as kubectl names objects in its messages. */
export function shownName(type: ResourceType, name: string): string {
  return `${shownKind(type)}/${name}`;
}

export function shownKind(type: ResourceType): string {
  return `${type.kind.toLowerCase()}${type.group === '' ? '' : `.${type.group}`}`;
}
