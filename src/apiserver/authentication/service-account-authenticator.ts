/**
 * Bearer tokens of service accounts. A token counts only while its account, and the Secret, Pod or Node it is bound to,
 * exists with the uid in the token.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, ObjectRef, Unstructured } from '../../apimachinery/object.ts';
import type { ServiceAccountToken, ServiceAccountTokenVerifier } from '../../component/service-account-token.ts';
import { nodes, pods, secrets, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { UserInfo } from './user-info.ts';

export interface TokenIdentity {
  user: UserInfo;
  /** The audiences asked for that the token is good for. */
  audiences: readonly string[];
}

export interface TokenAuthenticator {
  /** Undefined when the token is not of a kind we issue. Throws when it is ours and must be refused; the message says why. */
  authenticate(token: string, audiences?: readonly string[]): Promise<TokenIdentity | undefined>;
}

/** `apiAudiences`: what the API server itself goes by; the first is the issuer. */
export function createServiceAccountAuthenticator(
  verifier: ServiceAccountTokenVerifier,
  catalog: ResourceCatalog,
  apiAudiences: readonly string[],
  clock: Clock,
): TokenAuthenticator {
  // Verified signatures, so that each request does not pay for one. Expiry and existence are checked every time.
  const verified = new Map<string, ServiceAccountToken>();
  const parse = (text: string): ServiceAccountToken | undefined => {
    const known = verified.get(text);
    if (known !== undefined && (known.expiresAt === undefined || clock.now() < known.expiresAt * 1000)) return known;
    verified.delete(text);
    const token = verifier.verify(text, clock.now());
    if (token === undefined) return undefined;
    if (verified.size >= maxVerified) verified.delete(verified.keys().next().value ?? '');
    verified.set(text, token);
    return token;
  };

  /** The object if it exists with that uid. The cache is asked first, the store only when the cache disagrees. */
  const find = async (type: ResourceType, ref: ObjectRef, uid: string | undefined) => {
    const matches = (object: DeepReadonly<Unstructured> | undefined) =>
      object !== undefined && (uid === undefined || object.metadata.uid === uid);
    const reader = catalog.reader(type);
    const cached = reader.cached(ref);
    if (matches(cached)) return cached;
    const stored = await reader.get(ref);
    return matches(stored) ? stored : undefined;
  };

  return {
    async authenticate(text, audiences = apiAudiences) {
      const token = parse(text);
      if (token === undefined) return undefined;
      const granted = matchAudiences(token, audiences, apiAudiences);
      if (granted.length === 0) throw new Error('token audiences are not valid for the target audiences');
      const { namespace, serviceAccount } = token;
      if ((await find(serviceAccounts, { namespace, name: serviceAccount.name }, serviceAccount.uid)) === undefined)
        throw new Error('service account UID does not match or the account has been deleted');
      if (token.secret !== undefined) {
        const secret = await find(secrets, { namespace, name: token.secret.name }, token.secret.uid);
        if (secret === undefined || secret.metadata.deletionTimestamp !== undefined)
          throw new Error('the secret of the service account token has been deleted');
        if (token.kind === 'legacy' && !holdsToken(secret, text))
          throw new Error('service account token has been invalidated');
      }
      if (
        token.pod !== undefined &&
        (await find(pods, { namespace, name: token.pod.name }, token.pod.uid)) === undefined
      )
        throw new Error('the pod of the service account token has been deleted');
      if (
        token.pod === undefined &&
        token.node !== undefined &&
        (await find(nodes, { name: token.node.name }, token.node.uid)) === undefined
      )
        throw new Error('the node of the service account token has been deleted');
      return { user: tokenUser(token), audiences: granted };
    },
  };
}

/** The user a service account is to authorization, whatever proves it. */
export function serviceAccountUser(namespace: string, name: string, uid?: string): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    ...(uid === undefined ? {} : { uid }),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  };
}

const maxVerified = 4096;

function matchAudiences(
  token: ServiceAccountToken,
  wanted: readonly string[],
  apiAudiences: readonly string[],
): readonly string[] {
  const own = token.kind === 'legacy' ? apiAudiences : token.audiences;
  return wanted.filter((audience) => own.includes(audience));
}

function holdsToken(secret: DeepReadonly<Unstructured>, token: string): boolean {
  const data = secret['data'] as { readonly token?: string } | undefined;
  return data?.token !== undefined && Buffer.from(data.token, 'base64').toString('utf8') === token;
}

function tokenUser(token: ServiceAccountToken): UserInfo {
  const extra: Record<string, readonly string[]> = {};
  const add = (key: string, value: string | undefined) => {
    if (value !== undefined) extra[`authentication.kubernetes.io/${key}`] = [value];
  };
  add('credential-id', token.id === undefined ? undefined : `JTI=${token.id}`);
  add('pod-name', token.pod?.name);
  add('pod-uid', token.pod?.uid);
  add('node-name', token.node?.name);
  add('node-uid', token.node?.uid);
  const user = serviceAccountUser(token.namespace, token.serviceAccount.name, token.serviceAccount.uid);
  return Object.keys(extra).length === 0 ? user : { ...user, extra };
}
