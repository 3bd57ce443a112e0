import { describe, expect, it } from 'vitest';
import { parseRequestInfo } from '../request-info.ts';
import { parseAuditPolicy } from './policy.ts';

const policyOf = (rules: string, more = '') =>
  parseAuditPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\n${more}rules:\n${rules}`, ['work.karmada.io/works']);

const alice = { name: 'alice', groups: ['dev', 'system:authenticated'] };
const levelOf = (rules: string, call: string, user = alice): string => {
  const [method = 'GET', url = '/'] = call.split(' ');
  const { pathname, searchParams } = new URL(url, 'http://x');
  return policyOf(rules).decide(parseRequestInfo(method, pathname, searchParams), user).level;
};

describe('audit policy', () => {
  it.each<[string, string, string]>([
    ['- {level: Request, users: [alice]}', 'GET /api/v1/pods', 'Request'],
    ['- {level: Request, users: [bob]}', 'GET /api/v1/pods', 'None'],
    ['- {level: Request, userGroups: [ops, dev]}', 'GET /api/v1/pods', 'Request'],
    ['- {level: Request, userGroups: [ops]}', 'GET /api/v1/pods', 'None'],
    ['- {level: Request, verbs: [list]}', 'GET /api/v1/pods', 'Request'],
    ['- {level: Request, verbs: [list]}', 'GET /api/v1/pods?watch=1', 'None'],
    ['- {level: Request, resources: [{group: ""}]}', 'GET /api/v1/pods', 'Request'],
    ['- {level: Request, resources: [{group: apps}]}', 'GET /api/v1/pods', 'None'],
    ['- {level: Request, resources: [{resources: [pods]}]}', 'GET /api/v1/namespaces/a/pods/x/log', 'None'],
    ['- {level: Request, resources: [{resources: [pods/log]}]}', 'GET /api/v1/namespaces/a/pods/x/log', 'Request'],
    ['- {level: Request, resources: [{resources: ["pods/*"]}]}', 'GET /api/v1/namespaces/a/pods/x/log', 'Request'],
    ['- {level: Request, resources: [{resources: ["pods/*"]}]}', 'GET /api/v1/namespaces/a/pods/x', 'None'],
    ['- {level: Request, resources: [{resources: ["*/log"]}]}', 'GET /api/v1/namespaces/a/pods/x/log', 'Request'],
    ['- {level: Request, resources: [{resources: ["*"]}]}', 'GET /api/v1/namespaces/a/pods/x/log', 'Request'],
    [
      '- {level: Request, resources: [{resources: [pods], resourceNames: [x]}]}',
      'GET /api/v1/namespaces/a/pods/x',
      'Request',
    ],
    ['- {level: Request, resources: [{resources: [pods], resourceNames: [x]}]}', 'GET /api/v1/pods', 'None'],
    ['- {level: Request, namespaces: [a]}', 'GET /api/v1/namespaces/a/pods', 'Request'],
    ['- {level: Request, namespaces: [a]}', 'GET /api/v1/namespaces/b/pods', 'None'],
    ['- {level: Request, namespaces: [""]}', 'GET /api/v1/nodes', 'Request'],
    ['- {level: Request, namespaces: [""]}', 'GET /healthz', 'None'],
    ['- {level: Request, nonResourceURLs: ["/healthz*"]}', 'GET /healthz/ping', 'Request'],
    ['- {level: Request, nonResourceURLs: [/healthz]}', 'GET /healthz/ping', 'None'],
    ['- {level: Request, nonResourceURLs: ["*"]}', 'GET /api/v1/pods', 'None'],
    ['- {level: None, users: [alice]}\n- {level: Metadata}', 'GET /api/v1/pods', 'None'],
  ])('%s: %s is %s', (rules, call, level) => {
    expect(levelOf(rules, call)).toBe(level);
  });

  it.each([
    'POST /api/v1/namespaces/a/secrets',
    'GET /api/v1/secrets',
    'POST /apis/authentication.k8s.io/v1/tokenreviews',
    'POST /api/v1/namespaces/a/serviceaccounts/b/token',
    'PUT /apis/work.karmada.io/v1alpha1/namespaces/karmada-es-m1/works/w',
  ])('%s never goes above Metadata', (call) => {
    expect(levelOf('- {level: RequestResponse}', call)).toBe('Metadata');
    expect(levelOf('- {level: RequestResponse}', 'POST /api/v1/namespaces/a/configmaps')).toBe('RequestResponse');
  });

  it('leaves out stages of the policy and of the rule; a rule has the last word about managed fields', () => {
    const policy = policyOf(
      '- {level: Metadata, verbs: [get], omitStages: [ResponseStarted]}\n- {level: Metadata, omitManagedFields: false}',
      'omitStages: [RequestReceived]\nomitManagedFields: true\n',
    );
    const decide = (url: string) => policy.decide(parseRequestInfo('GET', url, new URLSearchParams()), alice);
    expect([...decide('/api/v1/nodes/n').omitStages]).toEqual(['RequestReceived', 'ResponseStarted']);
    expect(decide('/api/v1/nodes/n').omitManagedFields).toBe(true);
    expect([...decide('/api/v1/nodes').omitStages]).toEqual(['RequestReceived']);
    expect(decide('/api/v1/nodes').omitManagedFields).toBe(false);
  });

  it.each<[string, RegExp]>([
    ['[]', /not a map/],
    ['apiVersion: audit.k8s.io/v1alpha1\nkind: Policy', /unknown group version/],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy', /0 rules/],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{}]', /rules\[0\]\.level: Required value/],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]', /Unsupported value: "All"/],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, verb: [get]}]',
      /unknown field "rules\[0\]\.verb"/,
    ],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, verbs: get}]', /list of strings/],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, omitStages: [X]}]', /Unsupported value: "X"/],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]',
      /cannot apply to both/,
    ],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, nonResourceURLs: ["/a*b"]}]', /final character/],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, resources: [{resourceNames: [a]}]}]',
      /at least one resource/,
    ],
  ])('refuses %j', (text, why) => {
    expect(() => parseAuditPolicy(text)).toThrow(why);
  });
});
