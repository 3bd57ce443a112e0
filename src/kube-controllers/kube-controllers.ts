/** All controllers of this room, chosen by upstream's names. */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../apimachinery/clock.ts';
import type { Client } from '../client/client.ts';
import type { InformerFactory } from '../client/informer.ts';
import type { Logger } from '../component/logging.ts';
import type { Registry } from '../component/metrics.ts';
import type { Runnable } from '../controller/manager.ts';
import { createBootstrapSigner } from './bootstrap-tokens/bootstrap-signer.ts';
import { createTokenCleaner } from './bootstrap-tokens/token-cleaner.ts';
import { createApprovingController } from './certificate-signing/approving-controller.ts';
import { createCleanerController } from './certificate-signing/cleaner-controller.ts';
import { createSigningController } from './certificate-signing/signing-controller.ts';
import { createDeletableResources, type DeletableResources } from './deletable-resources.ts';
import { createGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { createNamespaceController } from './namespace/namespace-controller.ts';
import { createResourceQuotaController } from './resource-quota/resource-quota-controller.ts';
import { createRoleAggregationController } from './role-aggregation/role-aggregation-controller.ts';
import { createRootCaPublisher } from './service-account-tokens/root-ca-publisher.ts';
import { createServiceAccountController } from './service-account-tokens/service-account-controller.ts';
import { createTokenController } from './service-account-tokens/token-controller.ts';

export interface KubeControllersOptions {
  client: Client;
  informers: InformerFactory;
  /** PEM of the private key that signs tokens; needed by serviceaccount-token. */
  serviceAccountKey?: string | undefined;
  /** PEM of the CA of the API server's certificate; needed by root-ca-cert-publisher, put into token Secrets. */
  rootCa?: string | undefined;
  /** PEM of the authority that signs CertificateSigningRequests, and the longest life it gives; needed by csrsigning. */
  clusterSigning?: { cert: string; key: string; durationMs: number } | undefined;
  /** As of --controllers: names, `*` for all, `-name` for all but. Default `*`. */
  controllers?: readonly string[] | undefined;
  clock?: Clock | undefined;
  logger?: Logger | undefined;
  registry?: Registry | undefined;
}

export interface KubeControllers extends Runnable {
  /** Names of those that run. */
  readonly enabled: readonly string[];
}

export type ControllerDependencies = Omit<KubeControllersOptions, 'controllers'>;

interface Entry {
  /** Upstream's present name, and the one before. */
  names: readonly [string, string];
  /** Runs only when it is named: `*` does not mean it. */
  optional?: true;
  create(dependencies: ControllerDependencies, resources: () => DeletableResources): Runnable;
}

const entries: readonly Entry[] = [
  {
    names: ['namespace-controller', 'namespace'],
    create: (dependencies) => createNamespaceController(dependencies),
  },
  {
    names: ['garbage-collector-controller', 'garbagecollector'],
    create: (dependencies, resources) => createGarbageCollector({ ...dependencies, resources: resources() }),
  },
  {
    names: ['serviceaccount-controller', 'serviceaccount'],
    create: (dependencies) => createServiceAccountController(dependencies),
  },
  {
    names: ['serviceaccount-token-controller', 'serviceaccount-token'],
    create: (dependencies) => createTokenController(dependencies),
  },
  {
    names: ['root-ca-certificate-publisher-controller', 'root-ca-cert-publisher'],
    create: (dependencies) => createRootCaPublisher(dependencies),
  },
  {
    names: ['clusterrole-aggregation-controller', 'clusterrole-aggregation'],
    create: (dependencies) => createRoleAggregationController(dependencies),
  },
  {
    names: ['certificatesigningrequest-approving-controller', 'csrapproving'],
    create: (dependencies) => createApprovingController(dependencies),
  },
  {
    names: ['certificatesigningrequest-cleaner-controller', 'csrcleaner'],
    create: (dependencies) => createCleanerController(dependencies),
  },
  {
    names: ['certificatesigningrequest-signing-controller', 'csrsigning'],
    create: (dependencies) => createSigningController(dependencies),
  },
  {
    names: ['resourcequota-controller', 'resourcequota'],
    create: (dependencies, resources) => createResourceQuotaController({ ...dependencies, resources: resources() }),
  },
  {
    names: ['bootstrap-signer-controller', 'bootstrapsigner'],
    optional: true,
    create: (dependencies) => createBootstrapSigner(dependencies),
  },
  {
    names: ['token-cleaner-controller', 'tokencleaner'],
    optional: true,
    create: (dependencies) => createTokenCleaner(dependencies),
  },
];

/** Every name that `controllers` may hold. */
export const kubeControllerNames: ReadonlySet<string> = new Set(entries.flatMap(({ names }) => names));

/**
 * Makes the chosen controllers; what they read is asked of the informer factory here, so it must be started afterwards (or
 * run already). Throws on a name that does not exist, and when a chosen controller lacks its key or CA.
 */
export function createKubeControllers(options: KubeControllersOptions): KubeControllers {
  const chosen = chooseControllers(options.controllers ?? ['*'], options);
  let resources: DeletableResources | undefined;
  const runnables = chosen.map((entry) =>
    entry.create(options, () => {
      resources ??= createDeletableResources(options);
      return resources;
    }),
  );
  if (resources) runnables.push(resources);
  return {
    name: 'kube-controllers',
    enabled: chosen.map((entry) => entry.names[0]),
    async run(signal) {
      // One that fails ends the others: half a set of controllers would look alive.
      const failed = new AbortController();
      const inner = AbortSignal.any([signal, failed.signal]);
      // Every watch and queue listens to it: many listeners are no leak.
      setMaxListeners(0, inner);
      await Promise.all(
        runnables.map(async (runnable) => {
          try {
            await runnable.run(inner);
          } catch (error) {
            if (!inner.aborted) failed.abort(error);
          }
        }),
      );
      if (failed.signal.aborted) throw failed.signal.reason;
    },
  };
}

function chooseControllers(
  words: readonly string[],
  {
    serviceAccountKey,
    rootCa,
    clusterSigning,
  }: Pick<KubeControllersOptions, 'serviceAccountKey' | 'rootCa' | 'clusterSigning'>,
): Entry[] {
  const byName = new Map(entries.flatMap((entry) => entry.names.map((name) => [name, entry] as const)));
  const unknown = words.filter((word) => word !== '*' && !byName.has(word.replace(/^-/, '')));
  if (unknown.length > 0) {
    const known = entries.map((entry) => entry.names[1]).join(', ');
    const quoted = unknown.map((word) => `"${word.replace(/^-/, '')}"`).join(', ');
    throw new Error(`there is no controller ${quoted} in this build; there are: ${known}`);
  }
  const wanted = (entry: Entry): boolean | undefined => {
    if (entry.names.some((name) => words.includes(name))) return true;
    if (entry.names.some((name) => words.includes(`-${name}`))) return false;
    return words.includes('*') && entry.optional !== true ? undefined : false;
  };
  /** What a controller cannot do without. */
  const missing = (entry: Entry): string | undefined => {
    if (entry.names[1] === 'serviceaccount-token' && !serviceAccountKey) return '--service-account-private-key-file';
    if (entry.names[1] === 'root-ca-cert-publisher' && !rootCa) return '--root-ca-file';
    if (entry.names[1] === 'csrsigning' && clusterSigning === undefined)
      return '--cluster-signing-cert-file and --cluster-signing-key-file';
    return undefined;
  };
  return entries.filter((entry) => {
    const choice = wanted(entry);
    const lacking = missing(entry);
    if (choice === true && lacking) throw new Error(`the controller "${entry.names[1]}" needs ${lacking}`);
    return choice ?? lacking === undefined;
  });
}
