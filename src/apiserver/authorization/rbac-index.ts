/**
 * RBAC objects indexed by subject, so that a decision looks only at the bindings of the caller: for each of the user's
 * name and groups one map look-up, then that subject's bindings. Kept up to date object by object.
 */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { ReadonlyRule } from './policy-rules.ts';

export interface RbacBinding {
  kind: 'ClusterRoleBinding' | 'RoleBinding';
  name: string;
  /** Empty for a ClusterRoleBinding. */
  namespace: string;
  roleRef: { readonly kind: string; readonly name: string };
  subjects: readonly RbacSubject[];
}

export interface RbacSubject {
  kind: string;
  name: string;
  namespace?: string | undefined;
}

/** What one binding gives to the user. `rules` is undefined when the role it names does not exist. */
export interface Grant {
  binding: RbacBinding;
  subject: RbacSubject;
  rules: readonly ReadonlyRule[] | undefined;
}

export type RbacKind = 'ClusterRole' | 'Role' | 'ClusterRoleBinding' | 'RoleBinding';

export class RbacIndex {
  /** By name (ClusterRoles) or namespace/name (Roles). */
  private readonly rules = new Map<string, readonly ReadonlyRule[]>();
  private readonly bindings = new Map<string, RbacBinding>();
  /** Scope ('' for the cluster, else the namespace) and subject → bindings. */
  private readonly bySubject = new Map<string, Map<string, Set<RbacBinding>>>();

  /** Adds an object or replaces its earlier version. */
  set(kind: RbacKind, object: DeepReadonly<Unstructured>): void {
    const name = object.metadata.name ?? '';
    const namespace = object.metadata.namespace ?? '';
    if (kind === 'ClusterRole' || kind === 'Role') {
      this.rules.set(roleKey(namespace, name), (object['rules'] as readonly ReadonlyRule[] | null | undefined) ?? []);
      return;
    }
    this.removeBinding(roleKey(namespace, name));
    const roleRef = object['roleRef'] as { kind: string; name: string };
    const subjects = (object['subjects'] as readonly RbacSubject[] | null | undefined) ?? [];
    const binding: RbacBinding = { kind, name, namespace, roleRef, subjects };
    this.bindings.set(roleKey(namespace, name), binding);
    const scope = this.bySubject.get(namespace) ?? new Map<string, Set<RbacBinding>>();
    this.bySubject.set(namespace, scope);
    for (const subject of subjects) {
      const key = subjectKey(subject);
      const known = scope.get(key);
      if (known === undefined) scope.set(key, new Set([binding]));
      else known.add(binding);
    }
  }

  delete(kind: RbacKind, namespace: string, name: string): void {
    if (kind === 'ClusterRole' || kind === 'Role') this.rules.delete(roleKey(namespace, name));
    else this.removeBinding(roleKey(namespace, name));
  }

  /** The rules of a role, or undefined when it does not exist. Namespace '' means a ClusterRole. */
  rulesOf(namespace: string, name: string): readonly ReadonlyRule[] | undefined {
    return this.rules.get(roleKey(namespace, name));
  }

  /** Everything that bindings grant the user in a namespace ('' : cluster-wide only). Cost: the user's own bindings. */
  *grants(user: UserInfo, namespace: string): Iterable<Grant> {
    yield* this.grantsIn('', user);
    if (namespace !== '') yield* this.grantsIn(namespace, user);
  }

  private *grantsIn(namespace: string, user: UserInfo): Iterable<Grant> {
    const scope = this.bySubject.get(namespace);
    if (scope === undefined) return;
    for (const key of [`u:${user.name}`, ...user.groups.map((group) => `g:${group}`)])
      for (const binding of scope.get(key) ?? []) {
        const subject = binding.subjects.find((candidate) => subjectKey(candidate) === key);
        if (subject === undefined) continue;
        const owner = binding.roleRef.kind === 'Role' ? binding.namespace : '';
        yield { binding, subject, rules: this.rulesOf(owner, binding.roleRef.name) };
      }
  }

  private removeBinding(key: string): void {
    const binding = this.bindings.get(key);
    if (binding === undefined) return;
    this.bindings.delete(key);
    const scope = this.bySubject.get(binding.namespace);
    for (const subject of binding.subjects) {
      const holders = scope?.get(subjectKey(subject));
      holders?.delete(binding);
      if (holders?.size === 0) scope?.delete(subjectKey(subject));
    }
    if (scope?.size === 0) this.bySubject.delete(binding.namespace);
  }
}

const roleKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/** A service account is the user `system:serviceaccount:<namespace>:<name>`. */
function subjectKey(subject: RbacSubject): string {
  if (subject.kind === 'Group') return `g:${subject.name}`;
  if (subject.kind === 'ServiceAccount') return `u:system:serviceaccount:${subject.namespace ?? ''}:${subject.name}`;
  return `u:${subject.name}`;
}
