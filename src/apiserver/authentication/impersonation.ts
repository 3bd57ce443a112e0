/** Impersonate-* headers: the request goes on as another user, if the caller may impersonate every part of that identity. */
import { badRequest, forbidden } from '../../apimachinery/status-error.ts';
import type { AuthorizationAttributes, Authorizer } from '../authorization/authorizer.ts';
import { deniedText } from '../authorization/denied-text.ts';
import type { ApiRequest } from '../request.ts';
import { authenticatedGroup } from './request-authenticator.ts';
import { serviceAccountUser } from './service-account-authenticator.ts';
import type { UserInfo } from './user-info.ts';

/** The user the request acts as: `user` itself without impersonation headers. Throws 400 or 403. */
export async function impersonate(
  headers: ApiRequest['headers'],
  user: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo> {
  const wanted = readHeaders(headers);
  if (wanted === undefined) return user;
  for (const part of requestedParts(wanted)) {
    const attributes: AuthorizationAttributes = { user, verb: 'impersonate', version: 'v1', ...part };
    const decision = await authorizer.authorize(attributes);
    if (!decision.allowed) throw forbidden(attributes, attributes.name, deniedText(attributes, decision.reason));
  }
  return impersonated(wanted);
}

interface Identity {
  name: string;
  groups: string[];
  uid: string | undefined;
  extra: Map<string, string[]>;
}

const userHeader = 'impersonate-user';
const groupHeader = 'impersonate-group';
const uidHeader = 'impersonate-uid';
const extraPrefix = 'impersonate-extra-';

function readHeaders(headers: ApiRequest['headers']): Identity | undefined {
  if (!anyImpersonates(headers)) return undefined;
  const extra = new Map<string, string[]>();
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(extraPrefix) || value === undefined) continue;
    extra.set(decodeKey(header.slice(extraPrefix.length)), all(value));
  }
  const name = all(headers[userHeader])[0] ?? '';
  const groups = all(headers[groupHeader]);
  const uid = all(headers[uidHeader])[0];
  if (name === '') {
    const what =
      groups.length > 0 ? 'group' : uid !== undefined && uid !== '' ? 'uid' : extra.size > 0 ? 'extra' : undefined;
    if (what !== undefined) throw badRequest(`requested ${what} without impersonating a user`);
    return undefined;
  }
  return { name, groups, uid: uid === '' ? undefined : uid, extra };
}

/** Most requests come without, and every request is asked. */
function anyImpersonates(headers: ApiRequest['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}

type Part = Pick<AuthorizationAttributes, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>;

function requestedParts(identity: Identity): Part[] {
  const account = serviceAccountName(identity.name);
  const part = (resource: string, name: string, rest: Partial<Part> = {}): Part => ({
    group: '',
    resource,
    subresource: '',
    namespace: '',
    name,
    ...rest,
  });
  const authentication = { group: 'authentication.k8s.io' };
  return [
    account === undefined
      ? part('users', identity.name)
      : part('serviceaccounts', account.name, { namespace: account.namespace }),
    ...identity.groups.map((group) => part('groups', group)),
    ...(identity.uid === undefined ? [] : [part('uids', identity.uid, authentication)]),
    ...[...identity.extra].flatMap(([key, values]) =>
      values.map((value) => part('userextras', value, { ...authentication, subresource: key })),
    ),
  ];
}

function impersonated(identity: Identity): UserInfo {
  const account = serviceAccountName(identity.name);
  const groups =
    identity.groups.length > 0 || account === undefined
      ? identity.groups
      : [...serviceAccountUser(account.namespace, account.name).groups];
  const anonymous = identity.name === 'system:anonymous';
  const implied = anonymous ? 'system:unauthenticated' : authenticatedGroup;
  const user: UserInfo = {
    name: identity.name,
    groups: groups.includes(implied) ? groups : [...groups, implied],
    ...(identity.uid === undefined ? {} : { uid: identity.uid }),
  };
  return identity.extra.size === 0 ? user : { ...user, extra: Object.fromEntries(identity.extra) };
}

function serviceAccountName(user: string): { namespace: string; name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user);
  return match === null ? undefined : { namespace: match[1] ?? '', name: match[2] ?? '' };
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key).toLowerCase();
  } catch {
    return key.toLowerCase();
  }
}

const all = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
