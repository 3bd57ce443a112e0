/** Settings that cannot work: found at start, all told at once. */
import { readFileSync } from 'node:fs';
import type { KeyPair } from '../component/certificates.ts';
import type { FeatureGates } from '../component/feature-gates.ts';

export interface SchedulerSettings {
  schedulerName: string;
  enableSchedulerEstimator: boolean;
  gates: FeatureGates;
}

/** Gates whose features this scheduler does not have. Switching one on and doing nothing would be a silent lie. */
const gatesNotBuilt = ['MultiplePodTemplatesScheduling', 'WorkloadAffinity', 'SchedulingOvercommitProtection'] as const;

/** Throws an Error that lists every problem. */
export function assertUsable({ schedulerName, enableSchedulerEstimator, gates }: SchedulerSettings): void {
  const problems: string[] = [];
  if (schedulerName === '') problems.push('Options.SchedulerName: Invalid value: "": should not be empty');
  if (enableSchedulerEstimator) problems.push('--enable-scheduler-estimator is not supported by this version');
  for (const gate of gatesNotBuilt)
    if (gates[gate]) problems.push(`the feature gate ${gate} is not supported by this version`);
  if (problems.length > 0) throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
}

/** Undefined without files. Throws when only one is given, or one cannot be read. */
export function readKeyPair(certFile: string, keyFile: string): KeyPair | undefined {
  if (certFile === '' && keyFile === '') return undefined;
  if (certFile === '' || keyFile === '')
    throw new Error('--decisions-tls-cert-file and --decisions-tls-private-key-file belong together');
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
