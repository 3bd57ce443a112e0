/** Bearer tokens of machines that join: user `system:bootstrap:<id>`, as long as the token's Secret says so. */
import type { Clock } from '../../apimachinery/clock.ts';
import {
  bootstrapGroups,
  bootstrapSecretName,
  bootstrapTokenNamespace,
  hasExpired,
  parseBootstrapSecret,
  sameSecret,
  splitBootstrapToken,
} from '../../component/bootstrap-token.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { TokenAuthenticator } from './service-account-authenticator.ts';

/** `apiAudiences`: what the API server itself goes by; a bootstrap token is good for nothing else. */
export function createBootstrapTokenAuthenticator(
  catalog: ResourceCatalog,
  apiAudiences: readonly string[],
  clock: Clock,
): TokenAuthenticator {
  return {
    async authenticate(text, audiences = apiAudiences) {
      const given = splitBootstrapToken(text);
      if (given === undefined) return undefined;
      const name = bootstrapSecretName(given.id);
      const secret = await catalog.reader(secrets).get({ namespace: bootstrapTokenNamespace, name });
      if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return undefined;
      const token = parseBootstrapSecret(secret);
      if (token === undefined || !sameSecret(token.secret, given.secret)) return undefined;
      if (hasExpired(token, clock.now()) || !token.authentication) return undefined;
      const groups = bootstrapGroups(token);
      if (groups === undefined) return undefined;
      const granted = audiences.filter((audience) => apiAudiences.includes(audience));
      if (granted.length === 0) return undefined;
      return { user: { name: `system:bootstrap:${token.id}`, groups }, audiences: granted };
    },
  };
}

/** The first that knows a token decides; those after it are not asked. */
export function tokenAuthenticators(methods: readonly TokenAuthenticator[]): TokenAuthenticator | undefined {
  if (methods.length <= 1) return methods[0];
  return {
    async authenticate(token, audiences) {
      for (const method of methods) {
        const identity = await method.authenticate(token, audiences);
        if (identity !== undefined) return identity;
      }
      return undefined;
    },
  };
}
