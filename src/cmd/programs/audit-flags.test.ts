/** The audit policy in the guide is one, and logs what the guide says. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseAuditPolicy } from '../../apiserver/audit/policy.ts';
import { parseRequestInfo } from '../../apiserver/request-info.ts';

const page = readFileSync(new URL('../../../docs/guides/production.md', import.meta.url), 'utf8');
const text = /```yaml\n(# \/etc\/karmada\/audit-policy.yaml.*?)```/s.exec(page)?.[1] ?? '';

it.each<[string, string, string]>([
  ['alice', 'POST /apis/policy.karmada.io/v1alpha1/namespaces/a/propagationpolicies', 'Request'],
  ['alice', 'GET /apis/policy.karmada.io/v1alpha1/propagationpolicies', 'Metadata'],
  ['alice', 'POST /api/v1/namespaces/a/secrets', 'Metadata'],
  ['alice', 'PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/b', 'None'],
  ['system:admin', 'POST /api/v1/namespaces/a/configmaps', 'None'],
  ['alice', 'GET /openapi/v3', 'None'],
])('the audit policy of the production guide: %s, %s: %s', (name, call, level) => {
  const [method = '', path = ''] = call.split(' ');
  const info = parseRequestInfo(method, path, new URLSearchParams());
  expect(parseAuditPolicy(text).decide(info, { name, groups: ['system:authenticated'] }).level).toBe(level);
});
