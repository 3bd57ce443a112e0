/**
 * Who is calling, by the word of another API server: its ConfigMap says which proxies and client certificates are to be
 * believed, and it reviews bearer tokens.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../apimachinery/clock.ts';
import type { Client } from '../../client/client.ts';
import { withTimeout } from '../../component/abort.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import type { ConfigMap } from '../../kubernetes/types.ts';
import type { Authenticator } from '../authentication/authenticator.ts';
import { createClientCertificateAuthenticator } from '../authentication/client-certificates.ts';
import { createFrontProxyAuthenticator, type RequestHeaderOptions } from '../authentication/front-proxy.ts';
import { createRequestAuthenticator } from '../authentication/request-authenticator.ts';
import type { TokenAuthenticator, TokenIdentity } from '../authentication/service-account-authenticator.ts';
import { createReviewCache } from './review-cache.ts';

/** Whose certificates count. */
export interface TrustedCertificates {
  /** PEM of the authority of client certificates. */
  clientCa?: string | undefined;
  requestHeader?: RequestHeaderOptions | undefined;
}

/** Of ConfigMap kube-system/extension-apiserver-authentication, which every API server keeps for its extensions. */
export async function readTrustedCertificates(client: Client, signal?: AbortSignal): Promise<TrustedCertificates> {
  const ref = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
  const { data = {} } = await client.resource<ConfigMap>(configMaps).get(ref, { signal });
  const list = (key: string): string[] => JSON.parse(data[`requestheader-${key}`] || '[]') as string[];
  const proxyCa = data['requestheader-client-ca-file'];
  return {
    clientCa: data['client-ca-file'] || undefined,
    requestHeader: proxyCa
      ? {
          clientCa: proxyCa,
          allowedNames: list('allowed-names'),
          usernameHeaders: list('username-headers'),
          uidHeaders: list('uid-headers'),
          groupHeaders: list('group-headers'),
          extraHeadersPrefixes: list('extra-headers-prefix'),
        }
      : undefined,
  };
}

export interface DelegatedAuthenticationOptions {
  /** May create TokenReviews. */
  client: Client;
  /** What counts now; asked with each request, compared by identity. */
  trusted(): TrustedCertificates;
  /** How long the answer to a TokenReview is believed, in ms. */
  tokenLifetimeMs: number;
  clock: Clock;
}

/** The answer to a review must be there by then. */
export const reviewTimeoutMs = 10_000;

export function createDelegatedAuthenticator(options: DelegatedAuthenticationOptions): Authenticator {
  const { clock } = options;
  const tokens = reviewedTokens(options);
  let trusted: TrustedCertificates | undefined;
  let authenticator = createRequestAuthenticator({ certificates: undefined, tokens });
  return {
    authenticate(request) {
      const now = options.trusted();
      if (now !== trusted) {
        const { clientCa, requestHeader } = now;
        authenticator = createRequestAuthenticator({
          frontProxy: requestHeader && createFrontProxyAuthenticator(requestHeader, clock),
          certificates: clientCa === undefined ? undefined : createClientCertificateAuthenticator(clientCa, clock),
          tokens,
        });
        trusted = now;
      }
      return authenticator.authenticate(request);
    },
  };
}

interface TokenReviewStatus {
  authenticated?: boolean;
  user?: { username?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> };
  audiences?: string[];
}

function reviewedTokens({ client, tokenLifetimeMs, clock }: DelegatedAuthenticationOptions): TokenAuthenticator {
  const cache = createReviewCache<TokenIdentity | undefined>(() => tokenLifetimeMs, clock);
  const review = async (token: string): Promise<TokenIdentity | undefined> => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const { status } = await withTimeout(new AbortController().signal, reviewTimeoutMs, (signal) =>
      client.request<{ status?: TokenReviewStatus }>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body,
        signal,
      }),
    );
    if (status?.authenticated !== true || status.user?.username === undefined) return undefined;
    const { username, uid, groups = [], extra } = status.user;
    return {
      user: { name: username, groups, ...(uid ? { uid } : {}), ...(extra === undefined ? {} : { extra }) },
      audiences: status.audiences ?? [],
    };
  };
  // The token itself is not kept.
  return {
    authenticate: (token) => cache.get(createHash('sha256').update(token).digest('base64'), () => review(token)),
  };
}
