/** Whether a container that ended starts again: what its own rules say, else its own policy, else that of its pod. */
import type { ReadablePod } from './runtime.ts';

interface Rule {
  readonly action?: string;
  readonly exitCodes?: { readonly operator?: string; readonly values?: readonly number[] };
}
/** As far as restarts go. */
type Container = { readonly name: string };
type Rules = { readonly restartPolicy?: string; readonly restartPolicyRules?: readonly Rule[] };

const matches = ({ action, exitCodes }: Rule, exitCode: number): boolean =>
  action === 'Restart' && (exitCodes?.values ?? []).includes(exitCode) === (exitCodes?.operator === 'In');

export function restartsAfter(pod: ReadablePod, container: Container, exitCode: number): boolean {
  const { restartPolicy, restartPolicyRules } = container as Rules;
  const isInit = pod.spec?.initContainers?.some(({ name }) => name === container.name) === true;
  if (isInit && restartPolicy === 'Always') return true;
  // An init container that did its work never runs again.
  if (isInit && exitCode === 0) return false;
  if (restartPolicy !== undefined && restartPolicyRules?.some((rule) => matches(rule, exitCode)) === true) return true;
  const policy = restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}
