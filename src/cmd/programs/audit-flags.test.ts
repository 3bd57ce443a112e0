import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseAuditPolicy } from '../../apiserver/audit/policy.ts';
import { parseRequestInfo } from '../../apiserver/request-info.ts';
import { parseFlags } from '../../component/flags.ts';
import { auditFlags, auditOptions } from './audit-flags.ts';

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

const directory = mkdtempSync(join(tmpdir(), 'audit-flags-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function optionsOf(...given: string[]) {
  const policy = join(directory, 'policy.yaml');
  writeFileSync(policy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]');
  const hook = join(directory, 'hook.yaml');
  writeFileSync(
    hook,
    'clusters: [{name: c, cluster: {server: "https://audit.example.com/events"}}]\ncontexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c',
  );
  writeFileSync(join(directory, 'empty.yaml'), 'apiVersion: v1\nkind: Config');
  const argv = given.map((text) => text.replace('DIR', directory));
  const { values } = parseFlags(auditFlags, [`--audit-policy-file=${policy}`, ...argv]);
  return auditOptions(values, () => undefined);
}

it("the backends of audit have upstream's defaults", () => {
  const backends = optionsOf('--audit-log-path=DIR/audit.log', '--audit-webhook-config-file=DIR/hook.yaml')?.backends;
  expect(backends?.map(({ plugin, delivery }) => [plugin, delivery])).toEqual([
    ['log', expect.objectContaining({ mode: 'blocking', bufferSize: 10_000, batchSize: 1, throttle: undefined })],
    [
      'webhook',
      {
        mode: 'batch',
        bufferSize: 10_000,
        batchSize: 400,
        batchWaitMs: 30_000,
        throttle: { qps: 10, burst: 15 },
        maxEventBytes: Number.POSITIVE_INFINITY,
        maxWriteEvents: 400,
        maxWriteBytes: Number.POSITIVE_INFINITY,
      },
    ],
  ]);
});

const hook = '--audit-webhook-config-file=DIR/hook.yaml';
it.each<[string, string[], RegExp]>([
  ['a log in a folder that cannot be made', ['--audit-log-path=/proc/a/b'], /^--audit-log-path \/proc\/a\/b: E/],
  ['a log that is a folder', ['--audit-log-path=DIR'], /EISDIR/],
  ['a webhook file that is not there', ['--audit-webhook-config-file=DIR/none'], /none: stat .*no such file/],
  [
    'a webhook file without context',
    ['--audit-webhook-config-file=DIR/empty.yaml'],
    /no configuration has been provided/,
  ],
  [
    'no buffer',
    [hook, '--audit-webhook-batch-buffer-size=0'],
    /invalid audit batch webhook buffer size 0, must be a positive number/,
  ],
  [
    'no rate',
    [hook, '--audit-webhook-batch-throttle-qps=0'],
    /invalid audit batch webhook throttle QPS 0, must be a positive number/,
  ],
  [
    'small batches',
    [hook, '--audit-webhook-truncate-enabled', '--audit-webhook-truncate-max-batch-size=5'],
    /invalid audit truncate webhook max batch size 5, must be greater than max event size \(102400\)/,
  ],
  ['a mode that does not exist', [hook, '--audit-webhook-mode=fast'], /fast/],
])('refuses %s', (_what, given, why) => {
  expect(() => optionsOf(...given)).toThrow(why);
});
