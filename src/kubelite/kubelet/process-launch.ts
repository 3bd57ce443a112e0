/** How a container of a process pod is started: program, arguments, environment. */
import { join } from 'node:path';
import { ConfigError, expandVariables, rewriteArgument } from './command-line.ts';
import { containerEnvironment, refuseForbiddenVariables } from './environment.ts';
import { executableOf, unknownExecutable } from './executables.ts';
import type { PodFacts } from './pod-facts.ts';
import type { Launch } from './process-container.ts';
import type { ReferenceReader } from './references.ts';
import type { ReadablePod } from './runtime.ts';
import { containerMounts } from './volumes.ts';

export interface LaunchOptions {
  /** Folder of the executables' scripts, `<name>.js`. */
  executables: string;
  /** Told to the processes for name look-up. */
  hostsFile: string;
  /** Of the cluster: for processes that use the account of their pod. */
  apiServerUrl: string;
  references: ReferenceReader;
}

/** What a pod has on this host. `folders`: by volume. */
export interface PodPlace {
  readonly directory: string;
  readonly podIP: string;
  readonly facts: PodFacts;
  readonly folders: ReadonlyMap<string, string>;
}

type Container = NonNullable<ReadablePod['spec']>['containers'][number];

/** Where pods find the token of their account. */
const accountMount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws ConfigError and MissingReference. */
export async function processLaunch(
  options: LaunchOptions,
  pod: ReadablePod,
  spec: Container,
  { directory, podIP, facts, folders }: PodPlace,
): Promise<Launch> {
  if (spec.restartPolicy === 'Always') throw new ConfigError('a process pod runs no sidecars');
  const executable = executableOf(spec);
  if (executable === undefined) throw new ConfigError(unknownExecutable(spec));
  const variables = await containerEnvironment(pod, spec, facts, options.references);
  refuseForbiddenVariables(variables);
  const mounts = containerMounts(spec, folders);
  const environment: Record<string, string> = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: directory,
    HOSTNAME: pod.metadata.name ?? '',
  };
  for (const [name, value] of variables) environment[name] = value;
  environment['KARMADA_PARENT_PID'] = String(process.pid);
  environment['KARMADA_HOSTS_FILE'] = options.hostsFile;
  // A pod has its own network: what it listens on everywhere is its own address, never another pod's or this host's.
  environment['KARMADA_POD_IP'] = podIP;
  const account = mounts.find(({ mountPath }) => mountPath === accountMount)?.directory;
  if (account !== undefined) {
    const { hostname, port } = new URL(options.apiServerUrl);
    environment['KUBERNETES_SERVICE_HOST'] = hostname;
    environment['KUBERNETES_SERVICE_PORT'] = port;
    environment['KARMADA_SERVICE_ACCOUNT_DIR'] = account;
  }
  // One process of a container at a time, ever: the next starts when the last is gone, also after a crash (leftovers.ts).
  environment['KARMADA_INSTANCE'] = `${pod.metadata.name}_${pod.metadata.uid}_${spec.name}`;
  return {
    nodeFlags: executable.nodeFlags,
    script: join(options.executables, `${executable.name}.js`),
    args: executable.args.map((argument) => rewriteArgument(expandVariables(argument, variables), mounts)),
    environment,
    directory,
  };
}
