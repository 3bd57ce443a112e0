/**
 * kube-apiserver's EncryptionConfiguration: which resources are encrypted, with which providers. The first entry that names a
 * resource counts; its first provider writes, all of them read.
 */
import { parse } from 'yaml';
import type { EncryptionKey, Provider } from './providers.ts';

export interface EncryptionConfiguration {
  /** Of a resource by its group and plural; undefined: it is kept as it is. */
  providersOf(group: string, resource: string): readonly Provider[] | undefined;
}

const keySizes = [16, 24, 32];

/** What of upstream's providers is not to be had here, and why. */
const refused: Readonly<Record<string, string>> = {
  secretbox: 'Node.js has no XSalsa20; use aesgcm or aescbc',
  kms: 'there is no client for key management services; use aesgcm or aescbc',
};

/** Throws an Error that says where the text is wrong; it never holds a secret. */
export function parseEncryptionConfiguration(text: string): EncryptionConfiguration {
  let document: unknown;
  try {
    document = parse(text, { logLevel: 'error' });
  } catch {
    // The parser's own message shows lines of the file.
    throw new Error('the encryption configuration is no YAML');
  }
  const root = mapAt('', document, ['apiVersion', 'kind', 'resources']);
  const { apiVersion, kind } = root;
  if (!['apiserver.config.k8s.io/v1', 'v1'].includes(String(apiVersion)) || kind !== 'EncryptionConfiguration')
    throw new Error(
      `expected EncryptionConfiguration of apiserver.config.k8s.io/v1, got ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`,
    );
  const entries = listAt('resources', root['resources']).map((entry, index) =>
    parseEntry(`resources[${index}]`, entry),
  );
  const known = new Map<string, readonly Provider[] | undefined>();
  return {
    providersOf(group, resource) {
      const name = `${resource}.${group}`;
      if (!known.has(name))
        known.set(
          name,
          entries.find(({ resources }) => resources.some((one) => covers(one, group, resource)))?.providers,
        );
      return known.get(name);
    },
  };
}

interface Entry {
  resources: string[];
  providers: Provider[];
}

function parseEntry(path: string, value: unknown): Entry {
  const entry = mapAt(path, value, ['resources', 'providers']);
  const resources = listAt(`${path}.resources`, entry['resources']).map((name, index) => {
    const at = `${path}.resources[${index}]`;
    if (typeof name !== 'string' || name === '') throw wrong(at, 'a resource must be a string and not empty');
    if (name === '*')
      throw wrong(at, "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources");
    if (name !== name.toLowerCase()) throw wrong(at, 'resource name should not contain capital letters');
    if (name.endsWith('.events.k8s.io') || name === 'events.events.k8s.io')
      throw wrong(
        at,
        "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file",
      );
    return name;
  });
  for (const [index, name] of resources.entries()) {
    const at = `${path}.resources[${index}]`;
    if (resources.indexOf(name) < index) throw wrong(at, 'the same resource cannot be specified multiple times');
    const [plural = '', group = ''] = splitResource(name);
    if (resources.some((other) => other !== name && other.startsWith('*.') && covers(other, group, plural)))
      throw wrong(
        at,
        `using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked`,
      );
  }
  const providers = listAt(`${path}.providers`, entry['providers']).map((provider, index) =>
    parseProvider(`${path}.providers[${index}]`, provider),
  );
  return { resources, providers };
}

function parseProvider(path: string, value: unknown): Provider {
  const names = Object.keys(mapAt(path, value));
  const [kind, ...more] = names;
  if (kind === undefined) throw wrong(path, 'at least one provider is required');
  if (more.length > 0)
    throw wrong(
      path,
      'more than one provider specified in a single element, should split into different list elements',
    );
  const content = (value as Record<string, unknown>)[kind];
  if (kind === 'identity') {
    if (content !== null) mapAt(`${path}.identity`, content, []);
    return { kind };
  }
  const why = Object.hasOwn(refused, kind) ? refused[kind] : undefined;
  if (why !== undefined) throw wrong(`${path}.${kind}`, `the provider ${kind} cannot be used here: ${why}`);
  if (kind !== 'aescbc' && kind !== 'aesgcm') throw wrong(path, `unknown provider ${JSON.stringify(kind)}`);
  const fields = mapAt(`${path}.${kind}`, content, ['keys']);
  const keys = listAt(`${path}.${kind}.keys`, fields['keys']).map((key, index) =>
    parseKey(`${path}.${kind}.keys[${index}]`, key),
  );
  const twice = keys.findIndex(({ name }, index) => keys.findIndex((other) => other.name === name) < index);
  if (twice >= 0) throw wrong(`${path}.${kind}.keys[${twice}].name`, 'there are two keys of the same name');
  return { kind, keys };
}

function parseKey(path: string, value: unknown): EncryptionKey {
  const { name, secret } = mapAt(path, value, ['name', 'secret']);
  if (typeof name !== 'string' || name === '') throw wrong(`${path}.name`, 'name is a mandatory field for a key');
  if (name.includes(':')) throw wrong(`${path}.name`, 'a name must not contain a colon');
  if (typeof secret !== 'string' || secret === '')
    throw wrong(`${path}.secret`, 'secret is a mandatory field for a key');
  const bytes = Buffer.from(secret, 'base64');
  if (bytes.toString('base64') !== secret.trim()) throw wrong(`${path}.secret`, 'secrets must be base64 encoded');
  if (!keySizes.includes(bytes.length))
    throw wrong(
      `${path}.secret`,
      `secret is not of the expected length, got ${bytes.length}, expected one of [${keySizes.join(' ')}]`,
    );
  return { name, secret: bytes };
}

/** `secrets`, `pandas.awesome.example`, `*.apps`, `*.` for the core group, `*.*`. */
function covers(name: string, group: string, resource: string): boolean {
  if (name === '*.*') return true;
  const [plural, ofGroup] = splitResource(name);
  return ofGroup === group && (plural === '*' || plural === resource);
}

function splitResource(name: string): [string, string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

function mapAt(path: string, value: unknown, fields?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'a map is expected');
  const unknown = fields && Object.keys(value).find((name) => !fields.includes(name));
  if (unknown !== undefined) throw wrong(path, `unknown field ${JSON.stringify(unknown)}`);
  return value as Record<string, unknown>;
}

function listAt(path: string, value: unknown): unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong(path, 'a list with at least one element is required');
  return value;
}

const wrong = (path: string, what: string): Error =>
  new Error(`the encryption configuration is not valid: ${path === '' ? '' : `${path}: `}${what}`);
