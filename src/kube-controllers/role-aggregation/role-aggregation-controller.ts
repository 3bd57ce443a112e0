/** Fills the rules of ClusterRoles that aggregate others by label. Key: the aggregating role's name. */

import { matchesLabels } from '../../apimachinery/label-selector.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { clusterRoles } from '../../kubernetes/resource-types.ts';
import type { ClusterRole } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';

type Role = DeepReadonly<ClusterRole>;

export function createRoleAggregationController(dependencies: ControllerDependencies): Runnable {
  const { client, informers, logger, registry, clock } = dependencies;
  const informer = informers.informer<ClusterRole>(clusterRoles);
  const resource = client.resource<ClusterRole>(clusterRoles);
  informer.addIndex('aggregating', (role) => (role.aggregationRule ? ['yes'] : []));

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const role = informer.get(key);
    if (!role?.aggregationRule) return;
    const rules = aggregatedRules(role, informer.list());
    if (deepEqual(rules, role.rules ?? [])) return;
    const body = { metadata: { resourceVersion: role.metadata.resourceVersion }, rules };
    await resource.patch({ name: key }, 'merge', body, { signal });
  }

  const controller = createController({
    name: 'clusterrole-aggregation-controller',
    reconcile,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
  });
  /** Few roles aggregate, so the ones to look at are found among them. */
  const changed = (role: Role): void => {
    for (const aggregating of informer.byIndex('aggregating', 'yes'))
      if (aggregating.metadata.name === role.metadata.name || selects(aggregating, role))
        controller.enqueue(aggregating.metadata.name ?? '');
  };
  informer.addHandler({
    added: changed,
    updated: (role, old) => {
      changed(role);
      changed(old);
    },
    deleted: changed,
  });
  return {
    name: controller.name,
    async run(signal) {
      await informer.whenSynced(signal);
      await controller.run(signal);
    },
  };
}

/** The rules of all selected roles in the order of selectors and names, each once. */
export function aggregatedRules(role: Role, all: readonly Role[]): unknown[] {
  const rules: unknown[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selected = all
      .filter(
        (other) => other.metadata.name !== role.metadata.name && matchesLabels(selector, other.metadata.labels ?? {}),
      )
      .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
    for (const other of selected)
      for (const rule of other.rules ?? []) if (!rules.some((known) => deepEqual(known, rule))) rules.push(rule);
  }
  return rules;
}

const selects = (aggregating: Role, role: Role): boolean =>
  (aggregating.aggregationRule?.clusterRoleSelectors ?? []).some((selector) =>
    matchesLabels(selector, role.metadata.labels ?? {}),
  );
