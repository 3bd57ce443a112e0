/** Which FlowSchema a request belongs to: the first, by matchingPrecedence and name, with a rule for who asks and what is asked. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { FlowSchema, FlowSubject, NonResourceRule, ResourceRule } from '../../kubernetes/flowcontrol/types.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { RequestInfo } from '../request-info.ts';

export type ReadonlySchema = DeepReadonly<FlowSchema>;

/** Undefined when no schema wants the request. Costs a look at the rules for this user; these are found once a user. */
export type Classify<S> = (info: RequestInfo, user: UserInfo) => S | undefined;

const maxKnown = 4096;

interface Candidate<S> {
  schema: S;
  resourceRules: readonly DeepReadonly<ResourceRule>[];
  pathRules: readonly DeepReadonly<NonResourceRule>[];
}

/** `schemas`: in order. */
export function createClassifier<S extends { object: ReadonlySchema }>(schemas: readonly S[]): Classify<S> {
  /** By name and groups, which is all that a rule asks of a user. */
  const known = new Map<string, readonly Candidate<S>[]>();
  return (info, user) => {
    const key = `${user.name}\n${user.groups.join('\n')}`;
    let candidates = known.get(key);
    if (candidates === undefined) {
      candidates = candidatesOf(schemas, user);
      if (known.size >= maxKnown) known.clear();
      known.set(key, candidates);
    }
    for (const { schema, resourceRules, pathRules } of candidates)
      if (info.isResource ? someResource(resourceRules, info) : somePath(pathRules, info)) return schema;
    return undefined;
  };
}

function candidatesOf<S extends { object: ReadonlySchema }>(schemas: readonly S[], user: UserInfo): Candidate<S>[] {
  const found: Candidate<S>[] = [];
  for (const schema of schemas) {
    const rules = (schema.object.spec.rules ?? []).filter(({ subjects }) =>
      subjects.some((subject) => isSubject(subject, user)),
    );
    if (rules.length > 0)
      found.push({
        schema,
        resourceRules: rules.flatMap(({ resourceRules = [] }) => resourceRules),
        pathRules: rules.flatMap(({ nonResourceRules = [] }) => nonResourceRules),
      });
  }
  return found;
}

const accountPrefix = 'system:serviceaccount:';

function isSubject(subject: DeepReadonly<FlowSubject>, { name, groups }: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.user?.name === '*' || subject.user?.name === name;
    case 'Group':
      return subject.group?.name === '*' || groups.includes(subject.group?.name ?? '');
    case 'ServiceAccount': {
      const { namespace = '', name: account = '' } = subject.serviceAccount ?? {};
      return account === '*'
        ? name.startsWith(`${accountPrefix}${namespace}:`)
        : name === `${accountPrefix}${namespace}:${account}`;
    }
    default:
      return false;
  }
}

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list[0] === '*' || list.includes(value));

function someResource(rules: Candidate<unknown>['resourceRules'], info: RequestInfo): boolean {
  if (rules.length === 0) return false;
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return rules.some(
    (rule) =>
      has(rule.verbs, info.verb) &&
      has(rule.apiGroups, info.group) &&
      has(rule.resources, resource) &&
      (info.namespace === '' ? rule.clusterScope === true : has(rule.namespaces, info.namespace)),
  );
}

const somePath = (rules: Candidate<unknown>['pathRules'], info: RequestInfo): boolean =>
  rules.some(
    ({ verbs, nonResourceURLs }) => has(verbs, info.verb) && nonResourceURLs.some((url) => covers(url, info.path)),
  );

const covers = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
