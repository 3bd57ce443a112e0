import { describe, expect, it } from 'vitest';
import { validateResourceInterpreterWebhookConfiguration } from './resource-interpreter-webhook-configuration.ts';

const rule = { operations: ['InterpretHealth'], apiGroups: ['example.io'], apiVersions: ['v1'], kinds: ['Workload'] };
const hook = {
  name: 'workloads.example.io',
  clientConfig: { url: 'https://127.0.0.1:8443/interpret' },
  rules: [rule],
  timeoutSeconds: 3,
  interpreterContextVersions: ['v1alpha1'],
};
const check = (...webhooks: object[]) =>
  validateResourceInterpreterWebhookConfiguration({
    apiVersion: 'config.karmada.io/v1alpha1',
    kind: 'ResourceInterpreterWebhookConfiguration',
    metadata: { name: 'c' },
    webhooks: webhooks as (typeof hook)[],
  });

describe('ResourceInterpreterWebhookConfiguration', () => {
  it('accepts a webhook by url and one by service', () => {
    expect(check(hook, { ...hook, name: 'b.io.', clientConfig: { service: { namespace: 'n', name: 's' } } })).toEqual(
      [],
    );
  });

  it.each<[string, object, string]>([
    ['no name', { name: '' }, 'webhooks[0].name: Required value'],
    ['one segment', { name: 'one' }, 'should be a domain with at least two segments separated by dots'],
    ['no operations', { rules: [{ ...rule, operations: [] }] }, 'webhooks[0].rules[0].operations: Required value'],
    [
      '* among operations',
      { rules: [{ ...rule, operations: ['*', 'Retain'] }] },
      "if '*' is present, must not specify other operations",
    ],
    [
      'Prune',
      { rules: [{ ...rule, operations: ['Prune'] }] },
      'webhooks[0].rules[0].operations[0]: Unsupported value: "Prune": supported values: "*", "AggregateStatus", "InterpretComponent", "InterpretDependency", "InterpretHealth", "InterpretReplica", "InterpretStatus", "Retain", "ReviseReplica"',
    ],
    ['* among groups', { rules: [{ ...rule, apiGroups: ['*', ''] }] }, 'must not specify other API groups'],
    ['* among versions', { rules: [{ ...rule, apiVersions: ['*', 'v1'] }] }, 'must not specify other API versions'],
    ['* among kinds', { rules: [{ ...rule, kinds: ['*', 'A'] }] }, 'must not specify other kinds'],
    ['empty kind', { rules: [{ ...rule, kinds: [''] }] }, 'webhooks[0].rules[0].kinds[0]: Required value'],
    ['timeout 0', { timeoutSeconds: 0 }, 'the timeout value must be between 1 and 30 seconds'],
    ['timeout 31', { timeoutSeconds: 31 }, 'the timeout value must be between 1 and 30 seconds'],
    [
      'no address',
      { clientConfig: {} },
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
    ],
    ['http', { clientConfig: { url: 'http://x' } }, "'https' is the only allowed URL scheme"],
    ['no versions', { interpreterContextVersions: [] }, 'Required value: must specify one of v1alpha1'],
    ['version twice', { interpreterContextVersions: ['v1alpha1', 'v1alpha1'] }, 'duplicate version'],
    ['unknown version', { interpreterContextVersions: ['v2'] }, 'must include at least one of v1alpha1'],
  ])('%s', (_, change, message) => {
    expect(check({ ...hook, ...change }).join()).toContain(message);
  });

  it('names are unique', () => {
    expect(check(hook, hook)).toEqual(['webhooks[1].name: Duplicate value: "workloads.example.io"']);
  });
});
