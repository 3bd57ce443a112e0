/** Roles, their bindings, and ServiceAccounts. */
import type * as rbac from 'kubernetes-types/rbac/v1.d.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, ServiceAccount } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import { head, labelsAndAnnotations, listText, table } from './texts.ts';

/** What one line of the table grants: one resource, or one URL. */
interface Grant {
  readonly verbs: string[];
  readonly group: readonly string[];
  readonly resource: readonly string[];
  readonly names: readonly string[];
  readonly urls: readonly string[];
}

export function describeRole(page: Page, object: Role | ClusterRole): void {
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'PolicyRule:');
  const rows = grantsOf(object.rules ?? []).map(({ group, resource, urls, names, verbs }) => [
    resourceText(resource[0], group[0]),
    listText(urls),
    listText(names),
    listText(verbs),
  ]);
  table(page, ['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs'], rows);
}

/** Split to single resources and names, the verbs of the same ones together again; in the order of their texts. */
function grantsOf(rules: readonly rbac.PolicyRule[]): Grant[] {
  const urls: Grant[] = [];
  const resources = new Map<string, Grant>();
  const none = { group: [], resource: [], names: [], urls: [] };
  for (const rule of rules) {
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? [])
        for (const verb of rule.verbs)
          for (const names of rule.resourceNames?.length ? rule.resourceNames.map((name) => [name]) : [[]]) {
            const key = JSON.stringify([group, resource, names]);
            const present = resources.get(key);
            if (present === undefined)
              resources.set(key, { ...none, verbs: [verb], group: [group], resource: [resource], names });
            else if (!present.verbs.includes(verb)) present.verbs.push(verb);
          }
    for (const url of rule.nonResourceURLs ?? [])
      for (const verb of rule.verbs) urls.push({ ...none, verbs: [verb], urls: [url] });
  }
  const keyed = [...urls, ...resources.values()].map((grant) => {
    const { verbs, group, resource, names } = grant;
    return {
      grant,
      key: `${listText(verbs)},APIGroups:${listText(group)},Resources:${listText(resource)},ResourceNames:${listText(names)},NonResourceURLs:${listText(grant.urls)}`,
    };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ grant }) => grant);
}

/** `deployments.apps/scale` */
function resourceText(resource: string | undefined, group: string | undefined): string {
  if (resource === undefined) return '';
  const [kind = '', ...sub] = resource.split('/');
  return [group ? `${kind}.${group}` : kind, ...(sub.length > 0 ? [sub.join('/')] : [])].join('/');
}

export function describeBinding(page: Page, object: RoleBinding | ClusterRoleBinding): void {
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'Role:');
  page.line(1, 'Kind:', object.roleRef.kind);
  page.line(1, 'Name:', object.roleRef.name);
  page.line(0, 'Subjects:');
  const rows = (object.subjects ?? []).map(({ kind, name, namespace = '' }) => [kind, name, namespace]);
  table(page, ['Kind', 'Name', 'Namespace'], rows);
}

export function describeServiceAccount(page: Page, object: ServiceAccount): void {
  const title = 'Image pull secrets:';
  const pulling = object.imagePullSecrets ?? [];
  head(page, object);
  labelsAndAnnotations(page, object);
  if (pulling.length === 0) page.line(0, title, '<none>');
  for (const [at, { name = '' }] of pulling.entries()) page.line(0, at === 0 ? title : ' '.repeat(title.length), name);
}
