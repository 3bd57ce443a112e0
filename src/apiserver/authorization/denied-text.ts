import type { AuthorizationAttributes } from './authorizer.ts';

/** What follows `… is forbidden: `: `User "u" cannot get resource "pods" in API group "" in the namespace "ns": <reason>`. */
export function deniedText(attributes: AuthorizationAttributes, reason: string): string {
  const { user, verb, path, group, resource, subresource, namespace } = attributes;
  const name = JSON.stringify(user.name);
  let text: string;
  if (path !== undefined) text = `User ${name} cannot ${verb} path ${JSON.stringify(path)}`;
  else {
    const full = subresource === '' ? resource : `${resource}/${subresource}`;
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    text = `User ${name} cannot ${verb} resource "${full}" in API group "${group}" ${where}`;
  }
  return reason === '' ? text : `${text}: ${reason}`;
}
