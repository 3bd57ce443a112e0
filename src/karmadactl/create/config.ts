/** create namespace, configmap, secret, serviceaccount, quota, priorityclass, poddisruptionbudget. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import {
  configMaps,
  namespaces,
  podDisruptionBudgets,
  priorityClasses,
  resourceQuotas,
  secrets,
  serviceAccounts,
} from '../../kubernetes/resource-types.ts';
import { appendHashFlag, withHash } from './append-hash.ts';
import { creatingCommand, eachFlag, nameOf, pairs } from './create-flags.ts';

export const createNamespace = creatingCommand(namespaces, {}, (_values, args) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: nameOf(args) },
  spec: {},
  status: {},
}));

export const createServiceAccount = creatingCommand(serviceAccounts, {}, (_values, args) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: nameOf(args) },
}));

const sourceFlags = {
  'from-file': eachFlag(
    'Key files can be specified using their file path, in which case their file base name is used as key, or with a key and file path (KEY=PATH). A directory takes each file in it whose name is a valid key.',
  ),
  'from-literal': eachFlag('Specify a key and literal value to insert (i.e. mykey=somevalue).'),
  'from-env-file': eachFlag('Specify the path to a file to read lines of key=val pairs.'),
};
const hashFlag = { 'append-hash': appendHashFlag };
const named = (values: { readonly 'append-hash': boolean }, object: Unstructured): Unstructured =>
  values['append-hash'] ? withHash(object) : object;

type Sources = { readonly [K in keyof typeof sourceFlags]: readonly string[] };

export const createConfigMap = creatingCommand(configMaps, { ...sourceFlags, ...hashFlag }, (values, args) => {
  const name = nameOf(args);
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [key, bytes] of readSources(values)) {
    const text = bytes.toString('utf8');
    if (Buffer.from(text).equals(bytes)) data[key] = text;
    else binaryData[key] = bytes.toString('base64');
  }
  const some = (map: object): boolean => Object.keys(map).length > 0;
  return named(values, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    ...(some(data) ? { data } : {}),
    ...(some(binaryData) ? { binaryData } : {}),
  });
});

export const createGenericSecret = creatingCommand(
  secrets,
  { ...sourceFlags, ...hashFlag, type: flag.string('', 'The type of secret to create.') },
  (values, args) => named(values, secret(nameOf(args), values.type, readSources(values))),
);

export const createTlsSecret = creatingCommand(
  secrets,
  {
    cert: flag.string('', 'Path to PEM encoded public key certificate.'),
    key: flag.string('', 'Path to private key associated with given certificate.'),
    ...hashFlag,
  },
  (values, args) => {
    if (values.cert === '' || values.key === '') throw new Error('key and cert must be specified');
    const data = new Map([
      ['tls.crt', readFileSync(values.cert)],
      ['tls.key', readFileSync(values.key)],
    ]);
    return named(values, secret(nameOf(args), 'kubernetes.io/tls', data));
  },
);

export const createRegistrySecret = creatingCommand(
  secrets,
  {
    'docker-server': flag.string('https://index.docker.io/v1/', 'Server location for Docker registry.'),
    'docker-username': flag.string('', 'Username for Docker registry authentication.'),
    'docker-password': flag.string('', 'Password for Docker registry authentication.'),
    'docker-email': flag.string('', 'Email for Docker registry.'),
    'from-file': sourceFlags['from-file'],
    ...hashFlag,
  },
  (values, args) => {
    const name = nameOf(args);
    const type = 'kubernetes.io/dockerconfigjson';
    if (values['from-file'].length > 0) {
      const given = readSources({ 'from-file': values['from-file'], 'from-literal': [], 'from-env-file': [] });
      const [bytes] = [...given.values()];
      return named(values, secret(name, type, new Map([['.dockerconfigjson', bytes ?? Buffer.alloc(0)]])));
    }
    const { 'docker-username': username, 'docker-password': password, 'docker-email': email } = values;
    if (username === '' || password === '')
      throw new Error(
        'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
      );
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const entry = { username, password, ...(email === '' ? {} : { email }), auth };
    const config = JSON.stringify({ auths: { [values['docker-server']]: entry } });
    return named(values, secret(name, type, new Map([['.dockerconfigjson', Buffer.from(config)]])));
  },
);

function secret(name: string, type: string, bytes: ReadonlyMap<string, Buffer>): Unstructured {
  const data = Object.fromEntries([...bytes].map(([key, value]) => [key, value.toString('base64')]));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    ...(bytes.size > 0 ? { data } : {}),
    ...(type === '' ? {} : { type }),
  };
}

function readSources(values: Sources): Map<string, Buffer> {
  if (values['from-env-file'].length > 0 && (values['from-file'].length > 0 || values['from-literal'].length > 0))
    throw new Error('from-env-file cannot be combined with from-file or from-literal');
  const found = new Map<string, Buffer>();
  const add = (key: string, bytes: Buffer): void => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key) || key === '.' || key === '..')
      throw new Error(
        `${JSON.stringify(key)} is not a valid key name: a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
      );
    if (found.has(key))
      throw new Error(`cannot add key ${JSON.stringify(key)}, another key by that name already exists`);
    found.set(key, bytes);
  };
  for (const [key, value] of Object.entries(pairs(values['from-literal'], 'literal source')))
    add(key, Buffer.from(value));
  for (const source of values['from-file']) readFileSource(source, add);
  for (const file of values['from-env-file'])
    for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
      const text = line.trimStart();
      if (text === '' || text.startsWith('#')) continue;
      const at = text.indexOf('=');
      const key = at < 0 ? text : text.slice(0, at);
      add(key, Buffer.from(at < 0 ? (process.env[key] ?? '') : text.slice(at + 1)));
    }
  return found;
}

function readFileSource(source: string, add: (key: string, bytes: Buffer) => void): void {
  const at = source.indexOf('=');
  const [key, path] = at < 0 ? ['', source] : [source.slice(0, at), source.slice(at + 1)];
  if (at >= 0 && (key === '' || path === '')) throw new Error(`key name or file path for ${source} missing`);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Error(`error reading ${path}: no such file or directory`);
  if (!stat.isDirectory()) {
    add(key || basename(path), readFileSync(path));
    return;
  }
  if (key !== '') throw new Error('cannot give a key name for a directory path');
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)))
    if (entry.isFile() && /^[-._a-zA-Z0-9]+$/.test(entry.name)) add(entry.name, readFileSync(join(path, entry.name)));
}

export const createQuota = creatingCommand(
  resourceQuotas,
  {
    hard: flag.string('', 'A comma-delimited set of resource=quantity pairs that define a hard limit.'),
    scopes: flag.list(
      [],
      'A comma-delimited set of quota scopes that must all match each object tracked by the quota.',
    ),
  },
  (values, args) => ({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: nameOf(args) },
    spec: {
      ...(values.hard === '' ? {} : { hard: pairs(values.hard.split(','), 'resource quota') }),
      ...(values.scopes.length > 0 ? { scopes: values.scopes } : {}),
    },
    status: {},
  }),
);

export const createPriorityClass = creatingCommand(
  priorityClasses,
  {
    value: flag.int(0, 'the value of this priority class.'),
    description: flag.string(
      '',
      'description is an arbitrary string that usually provides guidelines on when this priority class should be used.',
    ),
    'global-default': flag.bool(
      false,
      'global-default specifies whether this PriorityClass should be considered as the default priority.',
    ),
    'preemption-policy': flag.string(
      'PreemptLowerPriority',
      'preemption-policy is the policy for preempting pods with lower priority.',
    ),
  },
  (values, args) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: nameOf(args) },
    value: values.value,
    preemptionPolicy: values['preemption-policy'],
    ...(values['global-default'] ? { globalDefault: true } : {}),
    ...(values.description === '' ? {} : { description: values.description }),
  }),
);

export const createPodDisruptionBudget = creatingCommand(
  podDisruptionBudgets,
  {
    selector: flag.string(
      '',
      'A label selector to use for this budget. Only equality-based selector requirements are supported.',
    ),
    'min-available': flag.string('', 'The minimum number or percentage of available pods this budget requires.'),
    'max-unavailable': flag.string('', 'The maximum number or percentage of unavailable pods this budget requires.'),
  },
  (values, args) => {
    const name = nameOf(args);
    const { selector, 'min-available': min, 'max-unavailable': max } = values;
    if (selector === '') throw new Error('a selector must be specified');
    if (min === '' && max === '') throw new Error('one of min-available or max-unavailable must be specified');
    if (min !== '' && max !== '') throw new Error('min-available and max-unavailable cannot be both specified');
    const amount = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);
    return {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name },
      spec: {
        ...(min === '' ? { maxUnavailable: amount(max) } : { minAvailable: amount(min) }),
        selector: { matchLabels: pairs(selector.split(','), 'selector') },
      },
      status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    };
  },
);
