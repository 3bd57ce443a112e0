/** Reads kubeconfig files by kubectl's rules: one file named explicitly, else the list in KUBECONFIG, else ~/.kube/config. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { emptyKubeconfig, type Kubeconfig, parseKubeconfig } from './kubeconfig.ts';

/**
 * The merged config, with relative file names made absolute. An explicitly named file must exist; of a list, missing files
 * are skipped. The first file that has an entry of a name, or a current-context, wins. Errors name the file.
 */
export function loadKubeconfig(path?: string, environment: NodeJS.ProcessEnv = process.env): Kubeconfig {
  if (path !== undefined && path !== '') return readKubeconfigFile(path, 'must-exist');
  return merge(kubeconfigFiles(environment).map((file) => readKubeconfigFile(file, 'may-be-missing')));
}

/** The files that are read when none is named. */
export function kubeconfigFiles(environment: NodeJS.ProcessEnv = process.env): string[] {
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return [...new Set(listed)];
  return [join(environment['HOME'] ?? homedir(), '.kube', 'config')];
}

export function readKubeconfigFile(file: string, missing: 'must-exist' | 'may-be-missing'): Kubeconfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Error(`error loading config file "${file}": ${(error as Error).message}`, { cause: error });
    }
    if (missing === 'may-be-missing') return emptyKubeconfig();
    throw new Error(`stat ${file}: no such file or directory`, { cause: error });
  }
  return withAbsolutePaths(parseKubeconfig(parseYaml(text, file), file), dirname(resolve(file)));
}

export function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0];
    throw new Error(`error loading config file "${file}": yaml: ${why}`, { cause: error });
  }
}

const fileFields = {
  clusters: ['certificate-authority'],
  users: ['client-certificate', 'client-key', 'tokenFile'],
} as const;

function withAbsolutePaths(config: Kubeconfig, directory: string): Kubeconfig {
  const absolute = (fields: Record<string, unknown>, names: readonly string[]): void => {
    for (const name of names) {
      const value = fields[name];
      if (typeof value === 'string' && value !== '' && !isAbsolute(value)) fields[name] = join(directory, value);
    }
  };
  for (const { cluster } of config.clusters) absolute(cluster, fileFields.clusters);
  for (const { user } of config.users) {
    absolute(user, fileFields.users);
    // A command with a slash in it is relative to the file, like everything else; a bare name is looked up in PATH.
    if (user.exec?.command.includes('/') && !isAbsolute(user.exec.command)) {
      user.exec = { ...user.exec, command: join(directory, user.exec.command) };
    }
  }
  return config;
}

function merge(configs: readonly Kubeconfig[]): Kubeconfig {
  const merged = emptyKubeconfig();
  for (const config of configs) {
    for (const list of ['clusters', 'users', 'contexts'] as const) {
      const known = new Set(merged[list].map(({ name }) => name));
      merged[list].push(...(config[list].filter(({ name }) => !known.has(name)) as never[]));
    }
    merged['current-context'] ||= config['current-context'];
  }
  return merged;
}
