import { describe, expect, it } from 'vitest';
import { type AccessQuestion, authorizerTypes, authorizerValues } from './authorizer.ts';
import { compile } from './compile.ts';
import { CostExceeded } from './values.ts';

const asked: AccessQuestion[] = [];
const values = authorizerValues(
  (question) => {
    asked.push(question);
    if (question.verb === 'broken') return { allowed: false, reason: '', error: 'no answer' };
    return { allowed: question.verb === 'get', reason: 'because' };
  },
  { group: 'apps', resource: 'deployments', subresource: '', namespace: 'ns', name: 'web' },
);

function evaluate(expression: string, budget = { left: 1_000_000 }) {
  asked.length = 0;
  return compile(expression, authorizerTypes).evaluate(values, budget);
}
const none = { verb: '', group: '', resource: '', subresource: '', namespace: '', name: '' };

describe('the authorizer', () => {
  it.each<[string, Partial<AccessQuestion>]>([
    ["authorizer.path('/healthz').check('get').allowed()", { path: '/healthz' }],
    [
      "authorizer.group('apps').resource('deployments').subresource('status').namespace('n').name('x').check('get').allowed()",
      { group: 'apps', resource: 'deployments', subresource: 'status', namespace: 'n', name: 'x' },
    ],
    [
      "authorizer.serviceAccount('ns', 'sa').group('').resource('pods').check('get').allowed()",
      { serviceAccount: { namespace: 'ns', name: 'sa' }, resource: 'pods' },
    ],
    [
      "authorizer.group('').resource('pods').fieldSelector('a=b').labelSelector('c=d').check('get').allowed()",
      { resource: 'pods', fieldSelector: 'a=b', labelSelector: 'c=d' },
    ],
    [
      "authorizer.requestResource.check('get').reason() == 'because'",
      { group: 'apps', resource: 'deployments', namespace: 'ns', name: 'web' },
    ],
  ])('answers %s', (expression, question) => {
    expect(evaluate(expression)).toBe(true);
    expect(asked).toEqual([{ ...none, verb: 'get', ...question }]);
  });

  it('says no, and why it cannot say', () => {
    expect(evaluate("authorizer.requestResource.check('delete').allowed()")).toBe(false);
    expect(evaluate("authorizer.requestResource.check('broken').errored()")).toBe(true);
    expect(evaluate("authorizer.requestResource.check('broken').error()")).toBe('no answer');
  });

  it('may be asked twice within the limit of one condition, not three times', () => {
    const check = "authorizer.requestResource.check('get').allowed()";
    expect(evaluate(`${check} && ${check}`)).toBe(true);
    expect(() => evaluate(`${check} && ${check} && ${check}`)).toThrow(CostExceeded);
  });

  it.each(['authorizer.name', "authorizer.check('get')", "authorizer.group('').check('get')", 'authorizer == 1'])(
    'does not take %s',
    (expression) => {
      expect(() => compile(expression, authorizerTypes)).toThrow();
    },
  );
});
