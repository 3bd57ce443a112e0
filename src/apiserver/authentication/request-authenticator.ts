/** Who is calling: whom a front proxy names, the client certificate, then the bearer token. Any of them may be missing; a bad one is 401. */
import { unauthorized } from '../../apimachinery/status-error.ts';
import type { ApiRequest } from '../request.ts';
import type { Authenticator } from './authenticator.ts';
import type { ClientCertificateAuthenticator } from './client-certificates.ts';
import type { FrontProxyAuthenticator } from './front-proxy.ts';
import type { TokenAuthenticator } from './service-account-authenticator.ts';
import type { UserInfo } from './user-info.ts';

export const authenticatedGroup = 'system:authenticated';
export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export interface AuthenticationMethods {
  frontProxy?: FrontProxyAuthenticator | undefined;
  certificates: ClientCertificateAuthenticator | undefined;
  tokens: TokenAuthenticator | undefined;
}

/** The first method that knows the caller wins; without a winner, one failed method is enough to refuse. */
export function createRequestAuthenticator(methods: AuthenticationMethods): Authenticator {
  return {
    async authenticate(request) {
      let failed = false;
      const named = methods.frontProxy?.authenticate(request);
      if (named !== undefined) return withAuthenticatedGroup(named);
      if (request.clientCertificate !== undefined && methods.certificates !== undefined) {
        try {
          return withAuthenticatedGroup(methods.certificates.authenticate(request.clientCertificate));
        } catch {
          failed = true;
        }
      }
      const token = bearerToken(request);
      if (token !== undefined) {
        try {
          const identity = await methods.tokens?.authenticate(token);
          if (identity !== undefined) return withAuthenticatedGroup(identity.user);
        } catch {
          // Why a token is bad is not told to who brought it.
        }
        failed = true;
      }
      if (failed) throw unauthorized();
      return undefined;
    },
  };
}

export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}

const webSocketBearerPrefix = 'base64url.bearer.authorization.k8s.io.';

/** From `Authorization: Bearer …`, or a WebSocket subprotocol where browsers cannot send that header. */
function bearerToken(request: ApiRequest): string | undefined {
  const header = first(request.headers['authorization']);
  if (header !== undefined) {
    const match = /^bearer\s+(\S+)\s*$/i.exec(header);
    if (match?.[1] !== undefined) return match[1];
  }
  const protocols = first(request.headers['sec-websocket-protocol']);
  const carrier = protocols
    ?.split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(webSocketBearerPrefix));
  return carrier === undefined
    ? undefined
    : Buffer.from(carrier.slice(webSocketBearerPrefix.length), 'base64url').toString('utf8');
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
