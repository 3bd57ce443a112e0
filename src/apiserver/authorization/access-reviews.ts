/** authorization.k8s.io: who may do what, answered by the authorizer that requests go through. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { badRequest, fieldError, invalid } from '../../apimachinery/status-error.ts';
import { schemaOf } from '../../kubernetes/field-schema.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { VirtualRequest, VirtualResource } from '../endpoints/special-routes.ts';
import type { AuthorizationAttributes, Authorizer } from './authorizer.ts';
import type { ReadonlyRule } from './policy-rules.ts';
import { mastersGroup, rulesFor } from './rbac-authorizer.ts';
import type { RbacIndex } from './rbac-index.ts';

export function createAccessReviews(authorizer: Authorizer, index: RbacIndex): VirtualResource[] {
  const review = (kind: string, namespaced: boolean, userOf: (spec: Spec, request: VirtualRequest) => UserInfo) =>
    virtual(kind, namespaced, async (object, request) => {
      const spec = specOf(object);
      checkSpec(kind, spec);
      if (namespaced) checkNamespace(spec, request.namespace);
      const decision = await authorizer.authorize(attributesOf(spec, userOf(spec, request)));
      return {
        ...object,
        status: { allowed: decision.allowed, ...(decision.reason ? { reason: decision.reason } : {}) },
      };
    });
  return [
    review('LocalSubjectAccessReview', true, subjectOf),
    review('SelfSubjectAccessReview', false, (_, { user }) => user),
    virtual('SelfSubjectRulesReview', false, (object, { user }) => rulesReview(object, user, index)),
    review('SubjectAccessReview', false, subjectOf),
  ];
}

interface Spec {
  resourceAttributes?: Partial<
    Record<'namespace' | 'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'name', string>
  >;
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

function virtual(kind: string, namespaced: boolean, create: VirtualResource['create']): VirtualResource {
  const type = {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind,
    resource: `${kind.toLowerCase()}s`,
    namespaced,
  };
  return {
    type,
    singular: kind.toLowerCase(),
    get schema() {
      return schemaOf(type);
    },
    create,
  };
}

const specOf = (object: Unstructured): Spec => (object['spec'] as Spec | undefined) ?? {};

function checkSpec(kind: string, spec: Spec): void {
  const errors = [];
  if (spec.resourceAttributes !== undefined && spec.nonResourceAttributes !== undefined)
    errors.push(
      fieldError.invalid(
        'spec.nonResourceAttributes',
        spec.nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    );
  if (spec.resourceAttributes === undefined && spec.nonResourceAttributes === undefined)
    errors.push(
      fieldError.invalid(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  if (!kind.startsWith('Self') && !spec.user && (spec.groups ?? []).length === 0)
    errors.push(fieldError.invalid('spec.user', spec.user ?? '', 'at least one of user or group must be specified'));
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind }, '', errors);
}

function checkNamespace(spec: Spec, namespace: string): void {
  const asked = spec.resourceAttributes?.namespace ?? '';
  if (asked !== namespace)
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${JSON.stringify(namespace)}`);
}

const subjectOf = (spec: Spec): UserInfo => ({
  name: spec.user ?? '',
  groups: spec.groups ?? [],
  ...(spec.uid ? { uid: spec.uid } : {}),
  ...(spec.extra === undefined ? {} : { extra: spec.extra }),
});

function attributesOf(spec: Spec, user: UserInfo): AuthorizationAttributes {
  const none = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  const path = spec.nonResourceAttributes;
  if (path !== undefined) return { ...none, user, verb: path.verb ?? '', path: path.path ?? '' };
  return { ...none, verb: '', ...spec.resourceAttributes, user };
}

const everything: readonly ReadonlyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Several roles may say the same. */
function onceEach(rules: readonly ReadonlyRule[]): ReadonlyRule[] {
  const textOf = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: ReadonlyRule): string =>
    JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs]);
  return [...new Map(rules.map((rule) => [textOf(rule), rule])).values()];
}

function rulesReview(object: Unstructured, user: UserInfo, index: RbacIndex): Unstructured {
  const namespace = (object['spec'] as { namespace?: string } | undefined)?.namespace ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const held = rulesFor(index, user, namespace);
  const rules = onceEach(user.groups.includes(mastersGroup) ? [...everything, ...held.rules] : held.rules);
  return {
    ...object,
    status: {
      resourceRules: rules
        .filter((rule) => (rule.resources?.length ?? 0) > 0)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups,
          resources,
          ...(resourceNames === undefined || resourceNames.length === 0 ? {} : { resourceNames }),
        })),
      nonResourceRules: rules
        .filter((rule) => (rule.nonResourceURLs?.length ?? 0) > 0)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: held.errors.length > 0,
      ...(held.errors.length === 0 ? {} : { evaluationError: held.errors.join(', ') }),
    },
  };
}
