/** Feature gates of Karmada: every component knows the whole set, so that one value fits all of them. */
import type { Flag } from './flags.ts';

interface Gate {
  default: boolean;
  stage: 'Alpha' | 'Beta' | 'GA';
}

export const knownFeatureGates = {
  Failover: { default: false, stage: 'Beta' },
  GracefulEviction: { default: true, stage: 'Beta' },
  PropagateDeps: { default: true, stage: 'Beta' },
  CustomizedClusterResourceModeling: { default: true, stage: 'Beta' },
  PropagationPolicyPreemption: { default: false, stage: 'Alpha' },
  MultiClusterService: { default: false, stage: 'Alpha' },
  ResourceQuotaEstimate: { default: false, stage: 'Alpha' },
  StatefulFailoverInjection: { default: false, stage: 'Alpha' },
  PriorityBasedScheduling: { default: true, stage: 'Beta' },
  FederatedQuotaEnforcement: { default: false, stage: 'Alpha' },
  MultiplePodTemplatesScheduling: { default: false, stage: 'Alpha' },
  ControllerPriorityQueue: { default: true, stage: 'Beta' },
  WorkloadAffinity: { default: false, stage: 'Alpha' },
  SchedulingOvercommitProtection: { default: false, stage: 'Alpha' },
  LoggingAlphaOptions: { default: false, stage: 'Alpha' },
  LoggingBetaOptions: { default: true, stage: 'Beta' },
  ContextualLogging: { default: true, stage: 'Beta' },
} as const satisfies Readonly<Record<string, Gate>>;

export type FeatureGate = keyof typeof knownFeatureGates;
export type FeatureGates = Readonly<Record<FeatureGate, boolean>>;

/** The defaults, with the given ones changed. */
export function featureGates(changes: Readonly<Partial<Record<FeatureGate, boolean>>> = {}): FeatureGates {
  const gates = Object.fromEntries(Object.entries(knownFeatureGates).map(([name, gate]) => [name, gate.default]));
  return { ...gates, ...changes } as FeatureGates;
}

/** `A=true,B=false`, on top of `base`. `AllAlpha` and `AllBeta` switch a stage, and what is named explicitly wins over them. */
export function parseFeatureGates(text: string, base: FeatureGates = featureGates()): FeatureGates {
  const changes: Partial<Record<FeatureGate, boolean>> = {};
  const named = new Set<FeatureGate>();
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim();
    if (equals < 0) throw new Error(`missing bool value for ${name}`);
    const value = parseBool(name, part.slice(equals + 1).trim());
    if (name === 'AllAlpha' || name === 'AllBeta') {
      for (const [gate, { stage }] of Object.entries(knownFeatureGates) as [FeatureGate, Gate][]) {
        if (`All${stage}` === name && !named.has(gate)) changes[gate] = value;
      }
    } else if (Object.hasOwn(knownFeatureGates, name)) {
      named.add(name as FeatureGate);
      changes[name as FeatureGate] = value;
    } else {
      throw new Error(`unrecognized feature gate: ${name}`);
    }
  }
  return { ...base, ...changes };
}

function parseBool(name: string, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw new Error(
    `invalid value of ${name}=${text}, err: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** `--feature-gates=A=true,B=false`; may be given several times. */
export function featureGatesFlag(): Flag<FeatureGates> {
  const known = Object.entries(knownFeatureGates)
    .map(([name, gate]) => `${name}=true|false (${gate.stage} - default=${gate.default})`)
    .sort();
  return {
    type: 'mapStringBool',
    usage: `A set of key=value pairs that describe feature gates for alpha/experimental features. Options are: ${known.join('; ')}`,
    defaultValue: featureGates(),
    parse: (text, old) => parseFeatureGates(text, old),
    format: () => '""',
  };
}
