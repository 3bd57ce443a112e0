/** Which controllers run, as of --controllers, and which feature gates may be switched on. */
import type { FeatureGate, FeatureGates } from '../component/feature-gates.ts';

/** By upstream's names. `built`: this project has it. `off`: not part of `*`. */
type ControllerTable = Readonly<Record<string, { built: boolean; off?: boolean }>>;

const controllers: ControllerTable = {
  cluster: { built: true },
  clusterStatus: { built: true },
  binding: { built: true },
  bindingStatus: { built: true },
  execution: { built: true },
  workStatus: { built: true },
  namespace: { built: true },
  serviceExport: { built: false },
  endpointSlice: { built: false },
  serviceImport: { built: false },
  unifiedAuth: { built: true },
  federatedResourceQuotaSync: { built: false },
  federatedResourceQuotaStatus: { built: false },
  federatedResourceQuotaEnforcement: { built: false },
  gracefulEviction: { built: true },
  applicationFailover: { built: true },
  federatedHorizontalPodAutoscaler: { built: false },
  cronFederatedHorizontalPodAutoscaler: { built: false },
  hpaScaleTargetMarker: { built: false, off: true },
  deploymentReplicasSyncer: { built: false, off: true },
  multiclusterservice: { built: false },
  endpointsliceCollect: { built: false },
  endpointsliceDispatch: { built: false },
  remedy: { built: false },
  workloadRebalancer: { built: false },
  agentcsrapproving: { built: true },
  clustertaintpolicy: { built: true },
};

/** Those of the agent of a pull cluster. */
export const agentControllers: ControllerTable = {
  clusterStatus: { built: true },
  execution: { built: true },
  workStatus: { built: true },
  serviceExport: { built: false },
  certRotation: { built: true, off: true },
  endpointsliceCollect: { built: false },
};

/**
 * Names of the controllers to run: `*` stands for all that are on by default, `foo` adds one, `-foo` takes one away.
 * @throws on a name that does not exist, or that is asked for but not built yet
 */
export function chooseControllers(words: readonly string[], table: ControllerTable = controllers): ReadonlySet<string> {
  const chosen = new Set<string>();
  const taken = new Set<string>();
  for (const word of words) {
    if (word === '*') {
      for (const [name, { built, off }] of Object.entries(table)) if (built && off !== true) chosen.add(name);
      continue;
    }
    const name = word.startsWith('-') ? word.slice(1) : word;
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (known === undefined) throw new Error(`"${name}" is not in the list of known controllers`);
    if (word.startsWith('-')) taken.add(name);
    else if (!known.built) throw new Error(`the controller "${name}" is not available yet`);
    else chosen.add(name);
  }
  for (const name of taken) chosen.delete(name);
  return chosen;
}

/** For --help. */
export const knownControllers: readonly string[] = Object.keys(controllers);

/** Gates that change what this executable does upstream, and whose feature is not built yet. */
const unbuilt: readonly FeatureGate[] = ['MultiClusterService', 'FederatedQuotaEnforcement'];

/** @throws when a gate is on whose feature would silently be missing */
export function assertGatesBuilt(gates: FeatureGates): void {
  for (const gate of unbuilt)
    if (gates[gate]) throw new Error(`the feature gate ${gate} cannot be enabled: the feature is not available yet`);
}
