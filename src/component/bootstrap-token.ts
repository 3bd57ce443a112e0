/**
 * Bootstrap tokens, `<id>.<secret>`: Secrets of type bootstrap.kubernetes.io/token in kube-system, named
 * `bootstrap-token-<id>`. They let a machine ask for a certificate, and sign ConfigMap kube-public/cluster-info for it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const bootstrapTokenType = 'bootstrap.kubernetes.io/token';
export const bootstrapTokenNamespace = 'kube-system';
export const bootstrapGroup = 'system:bootstrappers';
const namePrefix = 'bootstrap-token-';

export const bootstrapSecretName = (id: string): string => `${namePrefix}${id}`;

interface TokenSecret {
  readonly metadata: { readonly name?: string };
  readonly type?: unknown;
  readonly data?: unknown;
}

export interface BootstrapToken {
  id: string;
  secret: string;
  /** Milliseconds since the epoch; undefined: never. One that cannot be read has passed. */
  expiresAt: number | undefined;
  authentication: boolean;
  signing: boolean;
  /** As written; see `bootstrapGroups`. */
  extraGroups: string;
}

/** Undefined when the Secret holds no whole token, or one of another name. */
export function parseBootstrapSecret(stored: TokenSecret): BootstrapToken | undefined {
  if (stored.type !== bootstrapTokenType) return undefined;
  const data = (stored.data ?? {}) as Readonly<Record<string, string | undefined>>;
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
  const id = text('token-id');
  const secret = text('token-secret');
  if (!idPattern.test(id) || secret === '' || stored.metadata.name !== bootstrapSecretName(id)) return undefined;
  const expiration = text('expiration');
  return {
    id,
    secret,
    expiresAt: expiration === '' ? undefined : timeOf(expiration),
    authentication: text('usage-bootstrap-authentication') === 'true',
    signing: text('usage-bootstrap-signing') === 'true',
    extraGroups: text('auth-extra-groups'),
  };
}

/** Undefined when the text has not the form of a bootstrap token. */
export function splitBootstrapToken(token: string): { id: string; secret: string } | undefined {
  const match = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token);
  return match === null ? undefined : { id: match[1] as string, secret: match[2] as string };
}

export const hasExpired = ({ expiresAt }: BootstrapToken, now: number): boolean =>
  expiresAt !== undefined && now >= expiresAt;

/** Compares without telling by time how much is right. */
export function sameSecret(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The groups of who comes with the token. Undefined when one of them is none that a token may give. */
export function bootstrapGroups({ extraGroups }: BootstrapToken): string[] | undefined {
  const extra = extraGroups === '' ? [] : extraGroups.split(',');
  if (!extra.every((group) => groupPattern.test(group))) return undefined;
  return [...new Set([bootstrapGroup, ...extra])].sort();
}

/** JWS (RFC 7515) with a detached payload: `<protected header>..<signature>`, HS256 with the token's secret. */
export function detachedSignature(content: string, { id, secret }: Pick<BootstrapToken, 'id' | 'secret'>): string {
  const header = encode(JSON.stringify({ alg: 'HS256', kid: id }));
  const signature = createHmac('sha256', secret)
    .update(`${header}.${encode(content)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}

const idPattern = /^[a-z0-9]{6}$/;
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

function timeOf(text: string): number {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? 0 : time;
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');
