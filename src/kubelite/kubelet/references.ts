/** The ConfigMaps and Secrets that a pod's volumes and environment refer to, read from the API server when they are needed. */
import type { Clock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../kubernetes/resource-types.ts';
import type { ConfigMap, Secret } from '../../kubernetes/types.ts';
import type { ReadablePod } from './runtime.ts';

/** Key → content. */
export type Content = ReadonlyMap<string, Buffer>;

export interface ReferenceReader {
  /** undefined when there is none. */
  configMap(namespace: string, name: string): Promise<Content | undefined>;
  secret(namespace: string, name: string): Promise<Content | undefined>;
  /** What was there a second ago counts as there: all pods of a namespace mount the same ConfigMap of authorities. */
  exists(kind: 'configmap' | 'secret', namespace: string, name: string): Promise<boolean>;
}

const rememberMs = 1000;
/** Found objects that are remembered. */
const mostRemembered = 1000;

export function createReferenceReader(client: Client, clock: Clock): ReferenceReader {
  const remembered = new Map<string, { until: number; found: Promise<boolean> }>();
  const orUndefined = async <T>(read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    exists(kind, namespace, name) {
      const key = `${kind}/${namespace}/${name}`;
      const known = remembered.get(key);
      if (known !== undefined && known.until > clock.now()) return known.found;
      if (remembered.size >= mostRemembered) remembered.clear();
      const read = client.resource(kind === 'configmap' ? configMaps : secrets).get({ namespace, name });
      const found = orUndefined(read).then((object) => object !== undefined);
      remembered.set(key, { until: clock.now() + rememberMs, found });
      const forget = (): void => void (remembered.get(key)?.found === found && remembered.delete(key));
      found.then((isThere) => isThere || forget(), forget);
      return found;
    },
    async configMap(namespace, name) {
      const found = await orUndefined(client.resource<ConfigMap>(configMaps).get({ namespace, name }));
      if (found === undefined) return undefined;
      const content = new Map<string, Buffer>();
      for (const [key, text] of Object.entries(found.data ?? {})) content.set(key, Buffer.from(text, 'utf8'));
      for (const [key, text] of Object.entries(found.binaryData ?? {}))
        content.set(key, Buffer.from(String(text), 'base64'));
      return content;
    },
    async secret(namespace, name) {
      const found = await orUndefined(client.resource<Secret>(secrets).get({ namespace, name }));
      if (found === undefined) return undefined;
      return new Map(Object.entries(found.data ?? {}).map(([key, text]) => [key, Buffer.from(String(text), 'base64')]));
    },
  };
}

/** A volume that cannot be set up yet; the message is what follows `MountVolume.SetUp failed for volume "x" : `. */
export interface MissingVolume {
  volume: string;
  message: string;
}

interface Projection {
  readonly optional?: boolean;
  readonly items?: readonly { readonly key: string }[];
}

/** The first volume whose ConfigMap or Secret, or a key of it, does not exist (and is not optional). */
export async function findMissingVolume(pod: ReadablePod, reader: ReferenceReader): Promise<MissingVolume | undefined> {
  const namespace = pod.metadata.namespace ?? '';
  for (const volume of pod.spec?.volumes ?? []) {
    const sources: { kind: 'configmap' | 'secret'; name: string; keys: string[] }[] = [];
    const note = (kind: 'configmap' | 'secret', name: string | undefined, source: Projection | undefined) => {
      if (name !== undefined && source?.optional !== true)
        sources.push({ kind, name, keys: (source?.items ?? []).map(({ key }) => key) });
    };
    note('configmap', volume.configMap?.name, volume.configMap);
    note('secret', volume.secret?.secretName, volume.secret);
    for (const source of volume.projected?.sources ?? []) {
      note('configmap', source.configMap?.name, source.configMap);
      note('secret', source.secret?.name, source.secret);
    }
    for (const { kind, name, keys } of sources) {
      if (!(await reader.exists(kind, namespace, name)))
        return { volume: volume.name, message: `${kind} "${name}" not found` };
      if (keys.length === 0) continue;
      const found = await (kind === 'configmap' ? reader.configMap(namespace, name) : reader.secret(namespace, name));
      const key = keys.find((wanted) => found?.has(wanted) !== true);
      const what = kind === 'configmap' ? 'config' : 'secret';
      if (key !== undefined) return { volume: volume.name, message: `references non-existent ${what} key: ${key}` };
    }
  }
  return undefined;
}

type Container = NonNullable<ReadablePod['spec']>['containers'][number];
type EnvVar = NonNullable<Container['env']>[number];

/** Values of `env` and `envFrom` that come from ConfigMaps and Secrets. Throws MissingReference. */
export async function readEnvironmentSources(
  namespace: string,
  container: Container,
  reader: ReferenceReader,
): Promise<{ from: Map<string, string>; referenced: Map<EnvVar, string> }> {
  const from = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const reference = source.configMapRef ?? source.secretRef;
    const kind = source.configMapRef !== undefined ? 'configmap' : 'secret';
    if (reference?.name === undefined) continue;
    const content = await read(kind, reference.name);
    if (content === undefined) {
      if (reference.optional === true) continue;
      throw new MissingReference(`${kind} "${reference.name}" not found`);
    }
    for (const [key, value] of content) from.set(`${source.prefix ?? ''}${key}`, value.toString('utf8'));
  }
  const referenced = new Map<EnvVar, string>();
  for (const variable of container.env ?? []) {
    const reference = variable.valueFrom?.configMapKeyRef ?? variable.valueFrom?.secretKeyRef;
    if (reference?.name === undefined) continue;
    const kind = variable.valueFrom?.configMapKeyRef !== undefined ? 'configmap' : 'secret';
    const content = await read(kind, reference.name);
    const value = content?.get(reference.key);
    if (value !== undefined) referenced.set(variable, value.toString('utf8'));
    else if (reference.optional !== true) {
      if (content === undefined) throw new MissingReference(`${kind} "${reference.name}" not found`);
      const shown = kind === 'configmap' ? 'ConfigMap' : 'Secret';
      throw new MissingReference(`couldn't find key ${reference.key} in ${shown} ${namespace}/${reference.name}`);
    }
  }
  return { from, referenced };

  function read(kind: 'configmap' | 'secret', name: string): Promise<Content | undefined> {
    return kind === 'configmap' ? reader.configMap(namespace, name) : reader.secret(namespace, name);
  }
}

/** A container cannot be configured: state CreateContainerConfigError with this message. */
export class MissingReference extends Error {
  override readonly name = 'MissingReference';
}
