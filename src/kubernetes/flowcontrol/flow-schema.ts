/** FlowSchemas: defaults, rules, columns. Who is classified by them is the API server's work. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { defineKind } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../validation.ts';
import { flowControlVersion, mandatorySchemas } from './bootstrap.ts';
import type { FlowSchema, FlowSubject, NonResourceRule, PolicyRules, ResourceRule } from './types.ts';

const { column } = columnsOf<FlowSchema>();
type Read<T> = DeepReadonly<T>;

export const flowSchemas = defineKind(
  flowControlVersion,
  'flowschemas',
  'FlowSchema',
  {
    scope: 'Cluster',
    status: true,
    generation: 'spec',
    unconditionalUpdate: false,
    statusKeepsMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
  },
  {
    default(object) {
      const { spec } = object as FlowSchema;
      // Zero is what a client without a value sends.
      if (spec !== undefined) spec.matchingPrecedence ||= 1000;
    },
    validate: (object) => check(object as Read<FlowSchema>),
    tableOrder: (a, b) => inOrder(a as Read<FlowSchema>, b as Read<FlowSchema>),
    columns: [
      nameColumn,
      column('PriorityLevel', ({ spec }) => spec.priorityLevelConfiguration.name),
      column('MatchingPrecedence', ({ spec }) => spec.matchingPrecedence, 'integer'),
      column('DistinguisherMethod', ({ spec }) => spec.distinguisherMethod?.type ?? '<none>'),
      ageColumn,
      column('MissingPL', ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
    ],
  },
);

/** The first that wants a request has it. */
export const inOrder = (a: Read<FlowSchema>, b: Read<FlowSchema>): number =>
  a.spec.matchingPrecedence - b.spec.matchingPrecedence || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);

function check({ metadata, spec }: Read<FlowSchema>): FieldError[] {
  const errors: FieldError[] = [];
  const precedence = spec.matchingPrecedence;
  if (precedence <= 0)
    errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, 'must be a positive value'));
  if (precedence > 10_000)
    errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, 'must not be greater than 10000'));
  if (precedence === 1 && metadata.name !== 'exempt')
    errors.push(
      fieldError.invalid(
        'spec.matchingPrecedence',
        precedence,
        "only the schema named 'exempt' may have matchingPrecedence 1",
      ),
    );
  const method = spec.distinguisherMethod?.type;
  const methods = ['ByNamespace', 'ByUser'];
  if (method !== undefined && !methods.includes(method))
    errors.push(fieldError.notSupported('spec.distinguisherMethod.type', method, methods));
  const level = spec.priorityLevelConfiguration?.name ?? '';
  const at = 'spec.priorityLevelConfiguration.name';
  if (level === '') errors.push(fieldError.required(at, 'must reference a priority level'));
  else errors.push(...checkDnsSubdomain(level, at));
  (spec.rules ?? []).forEach((rule, index) => void errors.push(...checkRules(rule, `spec.rules[${index}]`)));
  const fixed = mandatorySchemas.find((one) => one.metadata.name === metadata.name);
  if (fixed !== undefined && !deepEqual(fixed.spec, spec))
    errors.push(fieldError.invalid('spec', spec, `spec of '${metadata.name}' must equal the fixed value`));
  return errors;
}

function checkRules(rule: Read<PolicyRules>, at: string): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const errors = subjects.flatMap((subject, i) => checkSubject(subject, `${at}.subjects[${i}]`));
  if (subjects.length === 0)
    errors.push(fieldError.required(`${at}.subjects`, 'subjects must contain at least one value'));
  if (resourceRules.length === 0 && nonResourceRules.length === 0)
    errors.push(fieldError.required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  resourceRules.forEach((one, i) => void errors.push(...checkResourceRule(one, `${at}.resourceRules[${i}]`)));
  nonResourceRules.forEach((one, i) => void errors.push(...checkPathRule(one, `${at}.nonResourceRules[${i}]`)));
  return errors;
}

const subjectFields = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;

function checkSubject(subject: Read<FlowSubject>, at: string): FieldError[] {
  const own = subjectFields[subject.kind];
  if (own === undefined) return [fieldError.notSupported(`${at}.kind`, subject.kind, Object.keys(subjectFields))];
  const errors: FieldError[] = [];
  const value = subject[own];
  if (value === undefined)
    errors.push(fieldError.required(`${at}.${own}`, `${own} is required when subject kind is '${subject.kind}'`));
  else {
    if (!value.name) errors.push(fieldError.required(`${at}.${own}.name`));
    else if (own === 'serviceAccount' && value.name !== '*')
      errors.push(...checkDnsSubdomain(value.name, `${at}.${own}.name`));
    if (own === 'serviceAccount') {
      const { namespace } = value as { namespace?: string };
      const where = `${at}.${own}.namespace`;
      if (namespace) errors.push(...checkDnsLabel(namespace, where));
      else errors.push(fieldError.required(where, 'must specify namespace for service account'));
    }
  }
  for (const [kind, field] of Object.entries(subjectFields))
    if (field !== own && subject[field] !== undefined)
      errors.push(fieldError.forbidden(`${at}.${field}`, `${field} is forbidden when subject kind is not '${kind}'`));
  return errors;
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

/** `*` stands alone. */
function checkAlone(list: readonly string[], at: string, what: string): FieldError[] {
  if (list.length < 2 || !list.includes('*')) return [];
  return [fieldError.invalid(at, list, `if '*' is present, must not specify other ${what}`)];
}

function checkVerbs(list: readonly string[] = [], at: string): FieldError[] {
  if (list.length === 0) return [fieldError.required(at, 'verbs must contain at least one value')];
  if (list.includes('*')) return checkAlone(list, at, 'verbs');
  return list.every((verb) => verbs.includes(verb)) ? [] : [fieldError.notSupported(at, list, verbs)];
}

function checkResourceRule(rule: Read<ResourceRule>, at: string): FieldError[] {
  const { apiGroups = [], resources = [], namespaces = [] } = rule;
  const errors = checkVerbs(rule.verbs, `${at}.verbs`);
  if (apiGroups.length === 0)
    errors.push(fieldError.required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
  errors.push(...checkAlone(apiGroups, `${at}.apiGroups`, 'api groups'));
  if (resources.length === 0)
    errors.push(fieldError.required(`${at}.resources`, 'resource rules must supply at least one resource'));
  errors.push(...checkAlone(resources, `${at}.resources`, 'resources'));
  if (namespaces.length === 0 && rule.clusterScope !== true)
    errors.push(
      fieldError.required(
        `${at}.namespaces`,
        'resource rules that are not cluster scoped must supply at least one namespace',
      ),
    );
  else if (namespaces.includes('*')) errors.push(...checkAlone(namespaces, `${at}.namespaces`, 'namespaces'));
  else
    namespaces.forEach((namespace, i) => {
      for (const error of checkDnsLabel(namespace, `${at}.namespaces[${i}]`))
        errors.push({
          ...error,
          message: error.message.replace(
            /^(Invalid value: "[^"]*": )/,
            "$1each member of this list must be '*' or a DNS-1123 label; ",
          ),
        });
    });
  return errors;
}

function checkPathRule(rule: Read<NonResourceRule>, at: string): FieldError[] {
  const urls = rule.nonResourceURLs ?? [];
  const where = `${at}.nonResourceURLs`;
  const errors = checkVerbs(rule.verbs, `${at}.verbs`);
  if (urls.length === 0) errors.push(fieldError.required(where, 'nonResourceURLs must contain at least one value'));
  else if (urls.includes('*')) errors.push(...checkAlone(urls, where, 'non-resource URLs'));
  else
    urls.forEach((url, i) => {
      const why = pathError(url);
      if (why !== undefined) errors.push(fieldError.invalid(`${where}[${i}]`, url, why));
    });
  return errors;
}

function pathError(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  const star = path.indexOf('*');
  return star < 0 || (star === path.length - 1 && path.endsWith('/*'))
    ? undefined
    : 'wildcard can only do suffix matching';
}
