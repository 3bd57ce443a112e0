/** The form of kubeconfig files (v1 Config). Unknown fields are kept as they are. */

export interface NamedCluster {
  name: string;
  cluster: {
    server?: string;
    'certificate-authority'?: string;
    'certificate-authority-data'?: string;
    'insecure-skip-tls-verify'?: boolean;
    'tls-server-name'?: string;
    'proxy-url'?: string;
    [field: string]: unknown;
  };
}

export interface ExecConfig {
  apiVersion: string;
  command: string;
  args?: string[] | null;
  env?: { name: string; value: string }[] | null;
  installHint?: string;
  interactiveMode?: string;
  provideClusterInfo?: boolean;
}

export interface NamedUser {
  name: string;
  user: {
    'client-certificate'?: string;
    'client-certificate-data'?: string;
    'client-key'?: string;
    'client-key-data'?: string;
    token?: string;
    tokenFile?: string;
    username?: string;
    password?: string;
    as?: string;
    'as-groups'?: string[];
    'as-uid'?: string;
    exec?: ExecConfig;
    'auth-provider'?: unknown;
    [field: string]: unknown;
  };
}

export interface NamedContext {
  name: string;
  context: { cluster: string; user: string; namespace?: string; [field: string]: unknown };
}

export interface Kubeconfig {
  apiVersion: 'v1';
  kind: 'Config';
  'current-context': string;
  clusters: NamedCluster[];
  users: NamedUser[];
  contexts: NamedContext[];
  [field: string]: unknown;
}

export function emptyKubeconfig(): Kubeconfig {
  return { apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], 'current-context': '', users: [] };
}

/** The text of a file as a kubeconfig. `file` is named in errors. An empty text is an empty config. */
export function parseKubeconfig(content: unknown, file: string): Kubeconfig {
  if (content === null || content === undefined) return emptyKubeconfig();
  const wrong = (why: string): Error => new Error(`error loading config file "${file}": ${why}`);
  if (typeof content !== 'object' || Array.isArray(content)) throw wrong('it is not a kubeconfig: expected a mapping');
  const config = { ...emptyKubeconfig(), ...content } as Kubeconfig;
  if (config.kind !== 'Config') throw wrong(`no kind "${String(config.kind)}" is registered for kubeconfig files`);
  for (const [list, field] of [
    ['clusters', 'cluster'],
    ['users', 'user'],
    ['contexts', 'context'],
  ] as const) {
    config[list] ??= [];
    const entries: unknown = config[list];
    if (!Array.isArray(entries)) throw wrong(`${list} is not a list`);
    for (const entry of entries as Record<string, unknown>[]) {
      if (typeof entry?.['name'] !== 'string') throw wrong(`an entry of ${list} has no name`);
      entry[field] ??= {};
      if (typeof entry[field] !== 'object')
        throw wrong(`${list} entry ${JSON.stringify(entry['name'])} has no ${field}`);
    }
  }
  config['current-context'] ??= '';
  return config;
}
