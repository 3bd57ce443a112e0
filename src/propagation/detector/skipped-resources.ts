/** What is never a template: Karmada's own API groups, Events, Leases, reserved namespaces, and what flags add. */
import { apiVersionOf, type GroupVersionKind } from '../../apimachinery/group-version.ts';
import { isReservedNamespace } from '../../apis/naming.ts';

const skippedGroups = [
  'cluster.karmada.io',
  'policy.karmada.io',
  'work.karmada.io',
  'config.karmada.io',
  'networking.karmada.io',
  'autoscaling.karmada.io',
  'remedy.karmada.io',
  'apps.karmada.io',
  'events.k8s.io',
];

export interface SkippedResources {
  /** Kinds that are not watched at all. */
  skipsKind(kind: GroupVersionKind): boolean;
  skipsNamespace(namespace: string): boolean;
  skipsObject(kind: GroupVersionKind, namespace: string, name: string): boolean;
}

/**
 * `apis` as of --skipped-propagating-apis: tokens separated by `;`, each `<group>`, `<group>/<version>`,
 * `<group>/<version>/<Kind>[,<Kind>…]` or, for the core group, `v1/<Kind>[,<Kind>…]`. `namespaces` are regular expressions that
 * must match a whole name. Throws on a token or an expression that cannot be read.
 */
export function createSkippedResources(apis: string, namespaces: readonly string[]): SkippedResources {
  const groups = new Set(skippedGroups);
  const versions = new Set(['coordination.k8s.io/v1']);
  const kinds = new Set(['v1/Event']);
  for (const token of apis.split(';')) {
    if (token !== '') addToken(token, groups, versions, kinds);
  }
  const patterns = namespaces.filter((pattern) => pattern !== '').map((pattern) => new RegExp(`^(?:${pattern})$`));
  const skipsNamespace = (namespace: string): boolean =>
    isReservedNamespace(namespace) || patterns.some((pattern) => pattern.test(namespace));
  return {
    skipsKind(kind) {
      const apiVersion = apiVersionOf(kind);
      return groups.has(kind.group) || versions.has(apiVersion) || kinds.has(`${apiVersion}/${kind.kind}`);
    },
    skipsNamespace,
    skipsObject: (kind, namespace, name) =>
      skipsNamespace(namespace) ||
      // Written by kube-apiserver for extension servers.
      (namespace === 'kube-system' &&
        kind.group === '' &&
        kind.kind === 'ConfigMap' &&
        name === 'extension-apiserver-authentication'),
  };
}

function addToken(token: string, groups: Set<string>, versions: Set<string>, kinds: Set<string>): void {
  const parts = token.split('/');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length === 1) groups.add(first);
  else if (parts.length === 2) {
    if (first.startsWith('v1')) for (const kind of second.split(',')) kinds.add(`v1/${kind}`);
    else versions.add(token);
  } else if (parts.length === 3) for (const kind of third.split(',')) kinds.add(`${first}/${second}/${kind}`);
  else
    throw new Error(
      `invalid skipped API ${JSON.stringify(token)}: expected group, group/version or group/version/kind`,
    );
}
