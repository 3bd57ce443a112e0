/** Which requests are audited, at what level: the rules of an `audit.k8s.io/v1` Policy, the first that matches wins. */
import { parse } from 'yaml';
import type { UserInfo } from '../authentication/user-info.ts';
import { type RequestInfo, selectedName } from '../request-info.ts';

export const auditLevels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof auditLevels)[number];
export const auditStages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof auditStages)[number];

export interface AuditDecision {
  level: AuditLevel;
  omitStages: ReadonlySet<AuditStage>;
  omitManagedFields: boolean;
}

export interface AuditPolicy {
  decide(info: RequestInfo, user: UserInfo): AuditDecision;
}

interface GroupResources {
  group?: string;
  resources?: string[];
  resourceNames?: string[];
}

interface Rule {
  level: AuditLevel;
  users?: string[];
  userGroups?: string[];
  verbs?: string[];
  resources?: GroupResources[];
  namespaces?: string[];
  nonResourceURLs?: string[];
  omitStages?: AuditStage[];
  omitManagedFields?: boolean;
}

const nothing: AuditDecision = { level: 'None', omitStages: new Set(), omitManagedFields: false };

/** `confidential`: further kinds whose bodies are logged never, as `<group>/<resource>`. Throws an Error that says what is wrong with the text. */
export function parseAuditPolicy(text: string, confidential: readonly string[] = []): AuditPolicy {
  const never = new Set([...credentials, ...confidential]);
  const policy: unknown = parse(text);
  if (!isMap(policy)) throw new Error('the audit policy is not a map');
  if (policy['apiVersion'] !== 'audit.k8s.io/v1' || policy['kind'] !== 'Policy')
    throw new Error(
      `unknown group version field ${JSON.stringify(policy['apiVersion'])} of kind ${JSON.stringify(policy['kind'])} in policy, expected audit.k8s.io/v1 Policy`,
    );
  checkFields('', policy, { rules: 'list', omitStages: 'strings', omitManagedFields: 'boolean' }, [
    'apiVersion',
    'kind',
    'metadata',
  ]);
  const stages = stagesOf('omitStages', policy['omitStages']);
  const rules = ((policy['rules'] as unknown[] | undefined) ?? []).map((rule, index) =>
    checkRule(`rules[${index}]`, rule),
  );
  if (rules.length === 0) throw new Error('loaded illegal policy with 0 rules');
  const decisions = rules.map((rule): readonly [Rule, AuditDecision] => [
    rule,
    {
      level: rule.level,
      omitStages: new Set([...stages, ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? policy['omitManagedFields'] === true,
    },
  ]);
  return {
    decide(info, user) {
      for (const [rule, decision] of decisions) if (matches(rule, info, user)) return capped(info, decision, never);
      return nothing;
    },
  };
}

const credentials = ['/secrets', 'authentication.k8s.io/tokenreviews'];

/** Bodies that hold credentials are in no log, whatever the policy says. */
function capped(info: RequestInfo, decision: AuditDecision, never: ReadonlySet<string>): AuditDecision {
  if (decision.level === 'None' || decision.level === 'Metadata' || !info.isResource) return decision;
  const secret =
    never.has(`${info.group}/${info.resource}`) ||
    (info.group === '' && info.resource === 'serviceaccounts' && info.subresource === 'token');
  return secret ? { ...decision, level: 'Metadata' } : decision;
}

/** Costs one pass over the rule's lists. */
function matches(rule: Rule, info: RequestInfo, user: UserInfo): boolean {
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !user.groups.some((group) => rule.userGroups?.includes(group))) return false;
  if (rule.verbs?.length && !rule.verbs.includes(info.verb)) return false;
  if (rule.namespaces?.length || rule.resources?.length) return matchesResource(rule, info);
  if (rule.nonResourceURLs?.length)
    return !info.isResource && rule.nonResourceURLs.some((pattern) => matchesPath(pattern, info.path));
  return true;
}

function matchesResource(rule: Rule, info: RequestInfo): boolean {
  if (!info.isResource) return false;
  if (rule.namespaces?.length && !rule.namespaces.includes(info.namespace)) return false;
  if (!rule.resources?.length) return true;
  const full = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return rule.resources.some(({ group = '', resources = [], resourceNames = [] }) => {
    if (group !== info.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(selectedName(info))) return false;
    return resources.some(
      (resource) =>
        resource === '*' ||
        resource === full ||
        (info.subresource !== '' && (resource === `*/${info.subresource}` || resource === `${info.resource}/*`)),
    );
  });
}

const matchesPath = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));

type FieldType = 'string' | 'strings' | 'boolean' | 'list';
const ruleFields = {
  level: 'string',
  users: 'strings',
  userGroups: 'strings',
  verbs: 'strings',
  resources: 'list',
  namespaces: 'strings',
  nonResourceURLs: 'strings',
  omitStages: 'strings',
  omitManagedFields: 'boolean',
} as const satisfies Record<keyof Rule, FieldType>;

function checkRule(at: string, rule: unknown): Rule {
  if (!isMap(rule)) throw new Error(`${at}: must be a map`);
  checkFields(at, rule, ruleFields);
  const checked = rule as unknown as Rule;
  if (checked.level === undefined) throw new Error(`${at}.level: Required value`);
  if (!auditLevels.includes(checked.level)) throw notSupported(`${at}.level`, checked.level, auditLevels);
  stagesOf(`${at}.omitStages`, checked.omitStages);
  const urls = checked.nonResourceURLs ?? [];
  if (urls.length > 0 && (checked.resources?.length || checked.namespaces?.length))
    throw new Error(
      `${at}.nonResourceURLs: Invalid value: rules cannot apply to both regular resources and non-resource URLs`,
    );
  for (const url of urls) {
    if (url !== '*' && !url.startsWith('/'))
      throw new Error(
        `${at}.nonResourceURLs: Invalid value: ${JSON.stringify(url)}: non-resource URL rules must begin with a '/' character`,
      );
    if (url.slice(0, -1).includes('*'))
      throw new Error(
        `${at}.nonResourceURLs: Invalid value: ${JSON.stringify(url)}: non-resource URL wildcards '*' must be the final character of the rule`,
      );
  }
  (checked.resources ?? []).forEach((group: unknown, index) => {
    const path = `${at}.resources[${index}]`;
    if (!isMap(group)) throw new Error(`${path}: must be a map`);
    checkFields(path, group, { group: 'string', resources: 'strings', resourceNames: 'strings' });
    const { resources = [], resourceNames = [] } = group as GroupResources;
    if (resourceNames.length > 0 && resources.length === 0)
      throw new Error(`${path}.resourceNames: Invalid value: using resourceNames requires at least one resource`);
  });
  return checked;
}

function stagesOf(at: string, stages: unknown): AuditStage[] {
  const given = (stages as AuditStage[] | undefined) ?? [];
  for (const stage of given) if (!auditStages.includes(stage)) throw notSupported(at, stage, auditStages);
  return given;
}

const notSupported = (at: string, value: unknown, known: readonly string[]): Error =>
  new Error(
    `${at}: Unsupported value: ${JSON.stringify(value)}: supported values: ${known.map((name) => `"${name}"`).join(', ')}`,
  );

/** A misspelt field would silently log too little, or too much. */
function checkFields(
  at: string,
  map: Record<string, unknown>,
  fields: Readonly<Record<string, FieldType>>,
  ignored: readonly string[] = [],
): void {
  for (const [name, value] of Object.entries(map)) {
    const path = at === '' ? name : `${at}.${name}`;
    if (ignored.includes(name)) continue;
    const type = fields[name];
    if (type === undefined) throw new Error(`unknown field "${path}"`);
    if (value === null) delete map[name];
    else if (!isOf(type, value)) throw new Error(`${path}: must be a ${type === 'strings' ? 'list of strings' : type}`);
  }
}

function isOf(type: FieldType, value: unknown): boolean {
  if (type === 'list') return Array.isArray(value);
  if (type === 'strings') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return typeof value === type;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
