/** authentication.k8s.io: whose token is this, and who am I. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { fieldError, invalid } from '../../apimachinery/status-error.ts';
import { schemaOf } from '../../kubernetes/field-schema.ts';
import type { VirtualResource } from '../endpoints/special-routes.ts';
import { withAuthenticatedGroup } from './request-authenticator.ts';
import type { TokenAuthenticator } from './service-account-authenticator.ts';
import type { UserInfo } from './user-info.ts';

export function createIdentityReviews(tokens: TokenAuthenticator | undefined): VirtualResource[] {
  return [
    virtual('SelfSubjectReview', (object, { user }) => ({ ...object, status: { userInfo: userBody(user) } })),
    virtual('TokenReview', async (object) => ({ ...object, status: await reviewToken(object, tokens) })),
  ];
}

function virtual(kind: string, create: VirtualResource['create']): VirtualResource {
  const type = {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind,
    resource: `${kind.toLowerCase()}s`,
    namespaced: false,
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

async function reviewToken(object: Unstructured, tokens: TokenAuthenticator | undefined) {
  const spec = (object['spec'] as { token?: string; audiences?: string[] } | undefined) ?? {};
  if (!spec.token)
    throw invalid({ group: 'authentication.k8s.io', kind: 'TokenReview' }, '', [fieldError.required('spec.token')]);
  try {
    const audiences = spec.audiences !== undefined && spec.audiences.length > 0 ? spec.audiences : undefined;
    const identity = await tokens?.authenticate(spec.token, audiences);
    if (identity === undefined) return { user: {} };
    return {
      authenticated: true,
      user: userBody(withAuthenticatedGroup(identity.user)),
      audiences: identity.audiences,
    };
  } catch (error) {
    return { user: {}, error: `[invalid bearer token, ${error instanceof Error ? error.message : String(error)}]` };
  }
}

const userBody = (user: UserInfo) => ({
  username: user.name,
  ...(user.uid === undefined ? {} : { uid: user.uid }),
  ...(user.groups.length === 0 ? {} : { groups: user.groups }),
  ...(user.extra === undefined ? {} : { extra: user.extra }),
});
