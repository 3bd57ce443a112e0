/** Keeps the bootstrap RBAC objects: rules and subjects that somebody removed come back, what somebody added stays. */

import type { ResourceType } from '../../apimachinery/group-version.ts';
import { cloneJson, deepEqual } from '../../apimachinery/object.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../kubernetes/resource-types.ts';
import {
  type BootstrapBinding,
  type BootstrapRole,
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
  type Subject,
} from '../authorization/bootstrap-policy.ts';
import { uncoveredRules } from '../authorization/policy-rules.ts';
import { type BootstrapContext, ensureObject, mergeMetadata } from './ensure.ts';

/** Writes of one kind go out together: the store commits them in batches. */
export async function bootstrapRbac(context: BootstrapContext): Promise<void> {
  const ensureRoles = (type: ResourceType, wanted: readonly BootstrapRole[]) =>
    wanted.map((role) => ensureObject<BootstrapRole>(context, type, role, (stored) => reconcileRole(stored, role)));
  const ensureBindings = (type: ResourceType, wanted: readonly BootstrapBinding[]) =>
    wanted.map((binding) => ensureBinding(context, type, binding));
  await Promise.all([...ensureRoles(clusterRoles, bootstrapClusterRoles), ...ensureRoles(roles, bootstrapRoles)]);
  await Promise.all([
    ...ensureBindings(clusterRoleBindings, bootstrapClusterRoleBindings),
    ...ensureBindings(roleBindings, bootstrapRoleBindings),
  ]);
}

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';

export function reconcileRole(stored: BootstrapRole, wanted: BootstrapRole): void {
  if (stored.metadata.annotations?.[autoUpdate] === 'false') return;
  mergeMetadata(stored, wanted);
  if (wanted.aggregationRule !== undefined) {
    // The rules of an aggregated role belong to the aggregation controller.
    const selectors = [...(stored.aggregationRule?.clusterRoleSelectors ?? [])];
    for (const selector of wanted.aggregationRule.clusterRoleSelectors)
      if (!selectors.some((known) => deepEqual(known, selector))) selectors.push(cloneJson(selector));
    stored.aggregationRule = { clusterRoleSelectors: selectors };
    return;
  }
  const held = stored.rules ?? [];
  const missing = wanted.rules.filter((rule) => uncoveredRules(held, [rule]).length > 0);
  if (missing.length > 0) stored.rules = [...held, ...cloneJson(missing)];
}

export function reconcileSubjects(stored: BootstrapBinding, wanted: BootstrapBinding): void {
  if (stored.metadata.annotations?.[autoUpdate] === 'false') return;
  mergeMetadata(stored, wanted);
  const subjects = stored.subjects ?? [];
  const missing = wanted.subjects.filter((subject) => !subjects.some((known) => sameSubject(known, subject)));
  if (missing.length > 0) stored.subjects = [...subjects, ...cloneJson(missing)];
}

const sameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');

/** roleRef cannot be changed: a binding to another role is replaced. */
async function ensureBinding(context: BootstrapContext, type: ResourceType, wanted: BootstrapBinding): Promise<void> {
  const ref = { namespace: wanted.metadata.namespace, name: wanted.metadata.name ?? '' };
  const reader = context.catalog.reader(type);
  if (reader.isUnreadable(ref)) return;
  const stored = (await reader.get(ref)) as BootstrapBinding | undefined;
  if (
    stored !== undefined &&
    stored.metadata.annotations?.[autoUpdate] !== 'false' &&
    !deepEqual(stored.roleRef, wanted.roleRef)
  )
    await context.client.resource(type).delete(ref);
  await ensureObject<BootstrapBinding>(context, type, wanted, (existing) => reconcileSubjects(existing, wanted));
}
