/** Rules of ResourceInterpreterWebhookConfiguration. */
import { dns1035LabelErrors, dns1123LabelErrors, dns1123SubdomainErrors } from '../apimachinery/names.ts';
import type { DeepReadonly } from '../apimachinery/object.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import type {
  InterpreterRule,
  InterpreterWebhook,
  ResourceInterpreterWebhookConfiguration,
} from '../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { interpreterOperations } from '../interpreter/interpreter.ts';
import { checkClientConfig } from '../kubernetes/admissionregistration/webhook-configuration.ts';
import { fieldErrorTexts } from './denial.ts';

const contextVersions = ['v1alpha1'];
const operations = ['*', ...interpreterOperations].sort();

/** What is wrong, in the words of the refusal; empty when nothing is. */
export function validateResourceInterpreterWebhookConfiguration(
  configuration: DeepReadonly<ResourceInterpreterWebhookConfiguration>,
): string[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, hook] of configuration.webhooks.entries()) {
    const path = `webhooks[${i}]`;
    errors.push(...nameErrors(hook.name, `${path}.name`));
    if (names.has(hook.name)) errors.push(fieldError.duplicate(`${path}.name`, hook.name));
    names.add(hook.name);
    errors.push(...hookErrors(hook, path));
  }
  return fieldErrorTexts(errors);
}

function hookErrors(hook: DeepReadonly<InterpreterWebhook>, path: string): FieldError[] {
  const errors = (hook.rules ?? []).flatMap((rule, i) => ruleErrors(rule, `${path}.rules[${i}]`));
  const { timeoutSeconds } = hook;
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30))
    errors.push(
      fieldError.invalid(
        `${path}.timeoutSeconds`,
        timeoutSeconds,
        'the timeout value must be between 1 and 30 seconds',
      ),
    );
  errors.push(
    ...checkClientConfig(hook.clientConfig, `${path}.clientConfig`),
    ...versionErrors(hook.interpreterContextVersions, `${path}.interpreterContextVersions`),
  );
  return errors;
}

/** A domain name of two segments or more; one dot at its end does not count. */
function nameErrors(name: string, path: string): FieldError[] {
  if (name === '') return [fieldError.required(path)];
  const plain = name.replace(/\.$/, '');
  const wrong = dns1123SubdomainErrors(plain);
  if (wrong.length > 0) return wrong.map((why) => fieldError.invalid(path, name, why));
  const segments = plain.split('.');
  if (segments.length < 2)
    return [fieldError.invalid(path, name, 'should be a domain with at least two segments separated by dots')];
  return segments.flatMap((segment) =>
    dns1123LabelErrors(segment).map((why) => fieldError.invalid(path, segment, why)),
  );
}

function ruleErrors(rule: DeepReadonly<InterpreterRule>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const list = (field: keyof InterpreterRule, named: string, emptyAllowed = false): void => {
    const values = rule[field];
    const at = `${path}.${field}`;
    if (values.length === 0) errors.push(fieldError.required(at));
    if (values.length > 1 && values.includes('*'))
      errors.push(fieldError.invalid(at, values, `if '*' is present, must not specify other ${named}`));
    if (!emptyAllowed)
      for (const [i, value] of values.entries()) if (value === '') errors.push(fieldError.required(`${at}[${i}]`));
  };
  list('operations', 'operations', true);
  for (const [i, operation] of rule.operations.entries())
    if (!operations.includes(operation))
      errors.push(fieldError.notSupported(`${path}.operations[${i}]`, operation, operations));
  list('apiGroups', 'API groups', true);
  list('apiVersions', 'API versions');
  list('kinds', 'kinds');
  return errors;
}

function versionErrors(versions: readonly string[], path: string): FieldError[] {
  if (versions.length === 0) return [fieldError.required(path, `must specify one of ${contextVersions.join(', ')}`)];
  const errors: FieldError[] = [];
  for (const [i, version] of versions.entries()) {
    if (versions.indexOf(version) < i) errors.push(fieldError.invalid(`${path}[${i}]`, version, 'duplicate version'));
    errors.push(...dns1035LabelErrors(version).map((why) => fieldError.invalid(`${path}[${i}]`, version, why)));
  }
  if (!versions.some((version) => contextVersions.includes(version)))
    errors.push(fieldError.invalid(path, versions, `must include at least one of ${contextVersions.join(', ')}`));
  return errors;
}
