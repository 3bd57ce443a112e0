/** Requests in the name of somebody else, over a transport whose own user may impersonate. */
import type { Transport } from './transport.ts';

/** Closing it leaves the transport below open. Groups that every server gives on its own are not named. */
export function withImpersonation(
  transport: Transport,
  user: { name: string; uid?: string | undefined; groups: readonly string[] },
): Transport {
  const groups = user.groups.filter((group) => group !== 'system:authenticated' && group !== 'system:unauthenticated');
  const own = {
    'impersonate-user': user.name,
    ...(user.uid === undefined ? {} : { 'impersonate-uid': user.uid }),
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups }),
  };
  return {
    request: (request) => transport.request({ ...request, headers: { ...request.headers, ...own } }),
    close: async () => {},
  };
}
