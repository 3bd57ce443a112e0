/**
 * Service account tokens: JSON Web Tokens (RFC 7519) signed with ES256/384/512 or RS256, in Kubernetes' two forms. A bound token
 * (TokenRequest) expires and carries the claim `kubernetes.io`; a legacy one (in a Secret of type
 * kubernetes.io/service-account-token) lives as long as its Secret. Whether the account and the bound object still exist
 * with that uid is for the caller to check.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign, verify } from 'node:crypto';

export const defaultServiceAccountIssuer = 'https://kubernetes.default.svc.cluster.local';
const legacyIssuer = 'kubernetes/serviceaccount';
const clockSkewSeconds = 10;
/** Longer tokens are refused before any parsing. */
const maxTokenLength = 16 * 1024;

export interface NamedObject {
  name: string;
  uid: string;
}

export interface BoundTokenRequest {
  namespace: string;
  serviceAccount: NamedObject;
  audiences: readonly string[];
  expirationSeconds: number;
  pod?: NamedObject | undefined;
  node?: { name: string; uid?: string | undefined } | undefined;
  secret?: NamedObject | undefined;
  /** The account's holder may be warned after so many seconds (extended tokens). */
  warnAfterSeconds?: number | undefined;
}

export interface LegacyTokenRequest {
  namespace: string;
  serviceAccount: NamedObject;
  secretName: string;
}

export interface ServiceAccountToken {
  kind: 'bound' | 'legacy';
  namespace: string;
  serviceAccount: NamedObject;
  /** Audiences of a bound token; empty for a legacy one, which counts for the API server's own audiences. */
  audiences: readonly string[];
  /** `jti` of a bound token: the credential id is `JTI=<id>`. */
  id?: string;
  /** Seconds since the epoch; absent for legacy tokens. */
  expiresAt?: number;
  pod?: NamedObject;
  node?: { name: string; uid?: string };
  /** A legacy token names its Secret without a uid. */
  secret?: { name: string; uid?: string };
}

export interface ServiceAccountTokenSigner {
  /** `now` in milliseconds. `expiresAt` in seconds since the epoch. */
  signBound(request: BoundTokenRequest, now: number): { token: string; expiresAt: number };
  signLegacy(request: LegacyTokenRequest): string;
}

export interface ServiceAccountTokenVerifier {
  /** Undefined when the token is not ours to judge (no JWT, or another issuer). Throws InvalidTokenError otherwise. `now` in milliseconds. */
  verify(token: string, now: number): ServiceAccountToken | undefined;
  /** RFC 7517 key set, for `/openid/v1/jwks`. */
  keySet(): { keys: Record<string, unknown>[] };
}

/** A token of our issuer that must be refused: bad signature, expired, not yet valid, or malformed claims. */
export class InvalidTokenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvalidTokenError';
  }
}

/** Signs with a private key in PEM (EC P-256, P-384, P-521 or RSA). Throws on any other key. */
export function createServiceAccountTokenSigner(
  privateKeyPem: string,
  issuer: string = defaultServiceAccountIssuer,
): ServiceAccountTokenSigner {
  const key = createPrivateKey(privateKeyPem);
  const algorithm = algorithmOf(key);
  const header = encode({ alg: algorithm.name, kid: keyId(createPublicKey(key)) });
  const signClaims = (claims: Record<string, unknown>): string => {
    const text = `${header}.${encode(claims)}`;
    const signature = sign(algorithm.hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  };
  return {
    signBound(request, now) {
      const issuedAt = Math.floor(now / 1000);
      const expiresAt = issuedAt + request.expirationSeconds;
      const binding: Record<string, unknown> = {
        namespace: request.namespace,
        serviceaccount: pick(request.serviceAccount),
      };
      if (request.pod) binding.pod = pick(request.pod);
      if (request.secret) binding.secret = pick(request.secret);
      if (request.node)
        binding.node = { name: request.node.name, ...(request.node.uid ? { uid: request.node.uid } : {}) };
      if (request.warnAfterSeconds !== undefined) binding.warnafter = issuedAt + request.warnAfterSeconds;
      const token = signClaims({
        aud: [...request.audiences],
        exp: expiresAt,
        iat: issuedAt,
        iss: issuer,
        jti: randomUUID(),
        'kubernetes.io': binding,
        nbf: issuedAt,
        sub: subject(request.namespace, request.serviceAccount.name),
      });
      return { token, expiresAt };
    },
    signLegacy(request) {
      return signClaims({
        iss: legacyIssuer,
        'kubernetes.io/serviceaccount/namespace': request.namespace,
        'kubernetes.io/serviceaccount/secret.name': request.secretName,
        'kubernetes.io/serviceaccount/service-account.name': request.serviceAccount.name,
        'kubernetes.io/serviceaccount/service-account.uid': request.serviceAccount.uid,
        sub: subject(request.namespace, request.serviceAccount.name),
      });
    },
  };
}

/** Verifies with public or private keys in PEM; any of them may have signed. */
export function createServiceAccountTokenVerifier(
  keysPem: readonly string[],
  issuer: string = defaultServiceAccountIssuer,
): ServiceAccountTokenVerifier {
  const keys = keysPem.map((pem) => {
    const key = createPublicKey(pem);
    return { key, id: keyId(key), algorithm: algorithmOf(key) };
  });
  return {
    verify(token, now) {
      const parsed = parse(token);
      if (parsed === undefined) return undefined;
      const { header, claims } = parsed;
      if (claims.iss !== issuer && claims.iss !== legacyIssuer) return undefined;
      const candidates = typeof header.kid === 'string' ? keys.filter((key) => key.id === header.kid) : keys;
      const signed = candidates.some(
        ({ key, algorithm }) =>
          header.alg === algorithm.name &&
          parsed.signature.length > 0 &&
          verify(algorithm.hash, Buffer.from(parsed.text), { key, dsaEncoding: 'ieee-p1363' }, parsed.signature),
      );
      if (!signed) throw new InvalidTokenError('the signature of the service account token is not valid');
      return claims.iss === issuer ? readBound(claims, now) : readLegacy(claims);
    },
    keySet: () => ({
      keys: keys.map(({ key, id, algorithm }) => ({
        use: 'sig',
        kid: id,
        alg: algorithm.name,
        ...(key.export({ format: 'jwk' }) as Record<string, unknown>),
      })),
    }),
  };
}

interface Algorithm {
  name: string;
  hash: string;
}

/** RFC 7518 §3.1: the curve decides for EC keys; RSA keys sign with RS256. */
function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RS256', hash: 'sha256' };
  if (key.asymmetricKeyType === 'ec') {
    const curve = key.asymmetricKeyDetails?.namedCurve;
    if (curve === 'prime256v1') return { name: 'ES256', hash: 'sha256' };
    if (curve === 'secp384r1') return { name: 'ES384', hash: 'sha384' };
    if (curve === 'secp521r1') return { name: 'ES512', hash: 'sha512' };
  }
  throw new Error(`service account keys must be RSA or EC (P-256, P-384, P-521), not ${key.asymmetricKeyType}`);
}

/** Kubernetes' key id: base64url of SHA-256 over the public key's DER form. */
function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const subject = (namespace: string, name: string): string => `system:serviceaccount:${namespace}:${name}`;
const pick = (object: NamedObject): NamedObject => ({ name: object.name, uid: object.uid });

function parse(token: string) {
  if (token.length > maxTokenLength) return undefined;
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, claims, signature] = parts as [string, string, string];
  const headerObject = decodeObject(header);
  const claimsObject = decodeObject(claims);
  if (headerObject === undefined || claimsObject === undefined) return undefined;
  return {
    header: headerObject,
    claims: claimsObject,
    text: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

function decodeObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return asObject(value);
  } catch {
    return undefined;
  }
}

function readBound(claims: Record<string, unknown>, now: number): ServiceAccountToken {
  const seconds = now / 1000;
  if (typeof claims.exp !== 'number') throw new InvalidTokenError('the service account token has no expiry');
  if (seconds > claims.exp + clockSkewSeconds) throw new InvalidTokenError('service account token has expired');
  if (typeof claims.nbf === 'number' && seconds < claims.nbf - clockSkewSeconds)
    throw new InvalidTokenError('service account token is not valid yet');
  const binding = asObject(claims['kubernetes.io']);
  const namespace = binding?.namespace;
  const account = named(binding?.serviceaccount);
  if (typeof namespace !== 'string' || account === undefined)
    throw new InvalidTokenError('service account token claims are incomplete');
  if (claims.sub !== subject(namespace, account.name))
    throw new InvalidTokenError('service account token subject does not match its claims');
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  const token: ServiceAccountToken = {
    kind: 'bound',
    namespace,
    serviceAccount: account,
    audiences: audiences.filter((audience) => typeof audience === 'string'),
    expiresAt: claims.exp,
  };
  if (typeof claims.jti === 'string') token.id = claims.jti;
  if (binding?.pod !== undefined) token.pod = requireNamed(binding.pod);
  if (binding?.secret !== undefined) token.secret = requireNamed(binding.secret);
  const node = asObject(binding?.node);
  if (typeof node?.name === 'string')
    token.node = { name: node.name, ...(typeof node.uid === 'string' ? { uid: node.uid } : {}) };
  return token;
}

function readLegacy(claims: Record<string, unknown>): ServiceAccountToken {
  const claim = (name: string): string => {
    const value = claims[`kubernetes.io/serviceaccount/${name}`];
    if (typeof value !== 'string' || value === '')
      throw new InvalidTokenError('service account token claims are incomplete');
    return value;
  };
  const namespace = claim('namespace');
  const serviceAccount = { name: claim('service-account.name'), uid: claim('service-account.uid') };
  if (claims.sub !== subject(namespace, serviceAccount.name))
    throw new InvalidTokenError('service account token subject does not match its claims');
  return { kind: 'legacy', namespace, serviceAccount, audiences: [], secret: { name: claim('secret.name') } };
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function named(value: unknown): NamedObject | undefined {
  const object = asObject(value);
  return typeof object?.name === 'string' && typeof object.uid === 'string'
    ? { name: object.name, uid: object.uid }
    : undefined;
}

/** A binding that is there but unreadable must not count as absent. */
function requireNamed(value: unknown): NamedObject {
  const object = named(value);
  if (object === undefined) throw new InvalidTokenError('service account token claims are incomplete');
  return object;
}
