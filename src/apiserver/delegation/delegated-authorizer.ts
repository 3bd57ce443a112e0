/** Who may do what, by the word of another API server: SubjectAccessReviews, kept for a while. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Client } from '../../client/client.ts';
import { withTimeout } from '../../component/abort.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../authorization/authorizer.ts';
import { mastersGroup } from '../authorization/rbac-authorizer.ts';
import { reviewTimeoutMs } from './delegated-authentication.ts';
import { createReviewCache } from './review-cache.ts';

export interface DelegatedAuthorizerOptions {
  /** May create SubjectAccessReviews. */
  client: Client;
  /** Paths that anybody may ask for; a `*` at the end stands for the rest. */
  alwaysAllowPaths: readonly string[];
  /** How long a yes and a no are believed, in ms. */
  allowedLifetimeMs: number;
  deniedLifetimeMs: number;
  clock: Clock;
}

/** Group system:masters is allowed everything, as everywhere. Throws what the other server answers when it does not review. */
export function createDelegatedAuthorizer(options: DelegatedAuthorizerOptions): Authorizer {
  const { client, alwaysAllowPaths, allowedLifetimeMs, deniedLifetimeMs, clock } = options;
  const cache = createReviewCache<AuthorizationDecision>(
    ({ allowed }) => (allowed ? allowedLifetimeMs : deniedLifetimeMs),
    clock,
  );
  const open = (path: string): boolean =>
    alwaysAllowPaths.some((allowed) =>
      allowed.endsWith('*') ? path.startsWith(allowed.slice(0, -1)) : path === allowed,
    );
  return {
    authorize(attributes) {
      if (attributes.user.groups.includes(mastersGroup)) return { allowed: true, reason: '' };
      if (attributes.path !== undefined && open(attributes.path)) return { allowed: true, reason: '' };
      const spec = specOf(attributes);
      return cache.get(JSON.stringify(spec), () => review(client, spec));
    },
  };
}

async function review(client: Client, spec: object): Promise<AuthorizationDecision> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const { status } = await withTimeout(new AbortController().signal, reviewTimeoutMs, (signal) =>
    client.request<{ status?: Partial<AuthorizationDecision> }>('POST', path, { body, signal }),
  );
  return { allowed: status?.allowed === true, reason: status?.reason ?? '' };
}

function specOf({ user, verb, path, ...attributes }: AuthorizationAttributes): object {
  const { group, version, resource, subresource, namespace, name, fieldSelector, labelSelector } = attributes;
  const who = {
    user: user.name,
    groups: user.groups,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
  if (path !== undefined) return { ...who, nonResourceAttributes: { path, verb } };
  const selected = {
    ...(fieldSelector ? { fieldSelector: { rawSelector: fieldSelector } } : {}),
    ...(labelSelector ? { labelSelector: { rawSelector: labelSelector } } : {}),
  };
  return {
    ...who,
    resourceAttributes: { verb, group, version, resource, subresource, namespace, name, ...selected },
  };
}
