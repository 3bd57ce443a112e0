/** RBAC rules as pure functions: does a rule cover a request, and does a set of rules cover another rule. */
import type { DeepReadonly } from '../../apimachinery/object.ts';

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export type ReadonlyRule = DeepReadonly<PolicyRule>;

/** What of a request the rules look at. `path` is set for non-resource requests, the other fields then do not count. */
export interface RuleQuery {
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  name: string;
  path?: string | undefined;
}

/** Whether one rule allows the request. Matching is exact text: `pods` does not cover `pods/log`, `pods/*` is no wildcard. */
export function ruleAllows(rule: ReadonlyRule, query: RuleQuery): boolean {
  if (!includes(rule.verbs, query.verb)) return false;
  if (query.path !== undefined) return pathMatches(rule.nonResourceURLs, query.path);
  if (!includes(rule.apiGroups, query.group)) return false;
  if (!resourceMatches(rule.resources, query.resource, query.subresource)) return false;
  const names = rule.resourceNames;
  return names === undefined || names.length === 0 || (query.name !== '' && names.includes(query.name));
}

/** The parts of `wanted` that no rule of `held` covers, as rules with one verb, one group and one resource or path each. */
export function uncoveredRules(held: readonly ReadonlyRule[], wanted: readonly ReadonlyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)));
}

/** Merges single-verb parts of one resource (not of a path) again: the form in which missing rules are reported. */
export function compactRules(parts: readonly ReadonlyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const part of parts) {
    const verbs = part.nonResourceURLs === undefined ? undefined : part.verbs;
    const key = JSON.stringify([part.apiGroups, part.resources, part.resourceNames, part.nonResourceURLs, verbs]);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, copyRule(part));
    else for (const verb of part.verbs) if (!known.verbs.includes(verb)) known.verbs.push(verb);
  }
  return [...merged.values()];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
export function ruleText(rule: ReadonlyRule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined) => {
    if (values !== undefined && values.length > 0) parts.push(`${name}:[${values.map(quote).join(' ')}]`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('ResourceNames', rule.resourceNames);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}

function includes(values: readonly string[] | undefined, wanted: string): boolean {
  return values?.some((value) => value === '*' || value === wanted) ?? false;
}

function resourceMatches(values: readonly string[] | undefined, resource: string, subresource: string): boolean {
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return (
    values?.some(
      (value) => value === '*' || value === combined || (subresource !== '' && value === `*/${subresource}`),
    ) ?? false
  );
}

function pathMatches(patterns: readonly string[] | undefined, path: string): boolean {
  return (
    patterns?.some((pattern) => (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path)) ??
    false
  );
}

function breakDown(rule: ReadonlyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  const names = rule.resourceNames ?? [];
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (names.length === 0) parts.push(part);
        else for (const name of names) parts.push({ ...part, resourceNames: [name] });
      }
  for (const path of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [path], verbs: [verb] });
  return parts;
}

/** Whether `owner` grants at least the single-part rule `part`. */
function covers(owner: ReadonlyRule, part: PolicyRule): boolean {
  if (!includes(owner.verbs, part.verbs[0] ?? '')) return false;
  const path = part.nonResourceURLs?.[0];
  if (path !== undefined)
    return (
      owner.nonResourceURLs?.some(
        (pattern) => pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))),
      ) ?? false
    );
  if (!includes(owner.apiGroups, part.apiGroups?.[0] ?? '')) return false;
  const [resource = '', subresource = ''] = (part.resources?.[0] ?? '').split('/');
  if (!resourceMatches(owner.resources, resource, subresource)) return false;
  const held = owner.resourceNames ?? [];
  return held.length === 0 || (part.resourceNames?.every((name) => held.includes(name)) ?? false);
}

function copyRule(rule: ReadonlyRule): PolicyRule {
  const copy: PolicyRule = { verbs: [...rule.verbs] };
  if (rule.apiGroups !== undefined) copy.apiGroups = [...rule.apiGroups];
  if (rule.resources !== undefined) copy.resources = [...rule.resources];
  if (rule.resourceNames !== undefined) copy.resourceNames = [...rule.resourceNames];
  if (rule.nonResourceURLs !== undefined) copy.nonResourceURLs = [...rule.nonResourceURLs];
  return copy;
}

const quote = (text: string): string => JSON.stringify(text);
