/** A container's own restart policy and its rules by exit code. */
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { checkOneOf } from '../validation.ts';

interface Restarts {
  readonly restartPolicy?: string;
  readonly restartPolicyRules?: readonly {
    readonly action?: string;
    readonly exitCodes?: { readonly operator?: string; readonly values?: readonly number[] };
  }[];
}

export function checkRestarts(container: object, at: string, errors: FieldError[]): void {
  const { restartPolicy, restartPolicyRules = [] } = container as Restarts;
  errors.push(...checkOneOf(restartPolicy, ['Always', 'Never', 'OnFailure'], `${at}.restartPolicy`));
  if (restartPolicyRules.length > 0 && !restartPolicy)
    errors.push(fieldError.required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  restartPolicyRules.forEach(({ action, exitCodes }, i) => {
    const here = `${at}.restartPolicyRules[${i}]`;
    errors.push(...checkOneOf(action, ['Restart'], `${here}.action`, true));
    if (exitCodes === undefined) errors.push(fieldError.required(`${here}.exitCodes`, 'must be specified'));
    else errors.push(...checkOneOf(exitCodes.operator, ['In', 'NotIn'], `${here}.exitCodes.operator`, true));
  });
}
