/** OpenID discovery of the service account issuer (RFC 7517 keys), so that others can verify our tokens by themselves. */
import { methodNotAllowed } from '../../apimachinery/status-error.ts';
import type { ServiceAccountTokenVerifier } from '../../component/service-account-token.ts';
import type { Route } from '../endpoints/special-routes.ts';

export function createIssuerDiscovery(issuer: string, verifier: ServiceAccountTokenVerifier): Route[] {
  const keys = verifier.keySet();
  const algorithms = [...new Set(keys.keys.map((key) => String(key['alg'])))];
  return [
    document('/.well-known/openid-configuration', 'application/json', {
      issuer,
      jwks_uri: `${issuer}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: algorithms,
    }),
    document('/openid/v1/jwks', 'application/jwk-set+json', keys),
  ];
}

function document(path: string, contentType: string, value: unknown): Route {
  const body = JSON.stringify(value);
  return {
    handles: (asked) => asked === path || asked === `${path}/`,
    async handle(request) {
      if (request.method !== 'GET') throw methodNotAllowed();
      return {
        status: 200,
        headers: { 'content-type': contentType, 'cache-control': 'public, max-age=3600' },
        body,
      };
    },
  };
}
