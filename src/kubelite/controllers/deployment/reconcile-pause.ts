/** Pausing and resuming are told by the Progressing condition, so that a pause does not count as a lack of progress. */
import { pauseCondition } from './deployment-status.ts';
import { type AspectResult, type Rollout, recordCondition } from './rollout.ts';

export function reconcilePause(rollout: Rollout): AspectResult {
  const condition = pauseCondition(rollout.deployment, rollout.now);
  if (condition !== undefined) recordCondition(rollout, condition);
  return 'continue';
}
