/** As whom a member is asked, and with which of the client's headers. */
import type { UserInfo } from '../../apiserver/authentication/user-info.ts';
import { headerText, requestHeaders } from '../../apiserver/forwarding/forwarded-headers.ts';
import type { ApiRequest } from '../../apiserver/request.ts';

/** Groups that every server gives on its own. */
const impliedGroups = new Set(['system:authenticated', 'system:unauthenticated']);

export function memberHeaders(
  request: ApiRequest,
  user: UserInfo,
  token: string,
  host: string,
): Record<string, string | string[]> {
  const groups = (user.groups ?? []).filter((group) => !impliedGroups.has(group)).map(headerText);
  return {
    ...requestHeaders(request, host),
    authorization: `Bearer ${token}`,
    'impersonate-user': headerText(user.name),
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups }),
  };
}
