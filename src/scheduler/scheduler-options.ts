/** Settings that cannot work: found at start, all told at once. */
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
