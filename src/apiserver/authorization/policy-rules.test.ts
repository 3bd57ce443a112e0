import { describe, expect, it } from 'vitest';
import { compactRules, type PolicyRule, type RuleQuery, ruleAllows, ruleText, uncoveredRules } from './policy-rules.ts';

const query = (part: Partial<RuleQuery>): RuleQuery => ({
  verb: 'get',
  group: '',
  resource: 'pods',
  subresource: '',
  name: '',
  ...part,
});

describe('ruleAllows', () => {
  const table: [string, PolicyRule, Partial<RuleQuery>, boolean][] = [
    ['exact', { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, {}, true],
    ['other verb', { verbs: ['list'], apiGroups: [''], resources: ['pods'] }, {}, false],
    ['other group', { verbs: ['get'], apiGroups: ['apps'], resources: ['pods'] }, {}, false],
    ['wildcards', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { subresource: 'log' }, true],
    [
      'pods does not cover pods/log',
      { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
      { subresource: 'log' },
      false,
    ],
    ['*/scale', { verbs: ['get'], apiGroups: [''], resources: ['*/scale'] }, { subresource: 'scale' }, true],
    ['*/scale is not the resource', { verbs: ['get'], apiGroups: [''], resources: ['*/scale'] }, {}, false],
    [
      'pods/* is no wildcard',
      { verbs: ['get'], apiGroups: [''], resources: ['pods/*'] },
      { subresource: 'log' },
      false,
    ],
    ['named', { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }, { name: 'a' }, true],
    [
      'other name',
      { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] },
      { name: 'b' },
      false,
    ],
    [
      'no name',
      { verbs: ['list'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] },
      { verb: 'list' },
      false,
    ],
    ['path', { verbs: ['get'], nonResourceURLs: ['/healthz'] }, { path: '/healthz' }, true],
    ['path prefix', { verbs: ['get'], nonResourceURLs: ['/apis/*'] }, { path: '/apis/apps/v1' }, true],
    ['path without wildcard', { verbs: ['get'], nonResourceURLs: ['/apis'] }, { path: '/apis/apps' }, false],
    ['resource rule on a path', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { path: '/x' }, false],
  ];
  it.each(table)('%s', (_, rule, part, allowed) => {
    expect(ruleAllows(rule, query(part))).toBe(allowed);
  });
});

describe('uncoveredRules', () => {
  it('is empty when everything is held', () => {
    const held = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
    expect(uncoveredRules(held, [{ verbs: ['get', 'list'], apiGroups: ['', 'apps'], resources: ['pods'] }])).toEqual(
      [],
    );
  });

  it('names each missing part once, verbs merged', () => {
    const held = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
    const missing = compactRules(
      uncoveredRules(held, [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods', 'secrets'] }]),
    );
    expect(missing.map(ruleText)).toEqual([
      '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list" "watch"]}',
    ]);
  });

  it('does not take a named grant for an unnamed one', () => {
    const held = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }];
    expect(uncoveredRules(held, [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])).toHaveLength(1);
    expect(
      uncoveredRules(held, [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }]),
    ).toEqual([]);
  });

  it('needs * for *', () => {
    const held = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
    expect(uncoveredRules(held, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }])).toHaveLength(1);
  });

  it('covers paths by prefix', () => {
    const held = [{ verbs: ['get'], nonResourceURLs: ['/apis/*'] }];
    expect(uncoveredRules(held, [{ verbs: ['get'], nonResourceURLs: ['/apis/apps', '/api'] }])).toEqual([
      { verbs: ['get'], nonResourceURLs: ['/api'] },
    ]);
  });
});
