/** NetworkPolicies and PodDisruptionBudgets. */
import type * as networking from 'kubernetes-types/networking/v1.d.ts';
import { type Selector, selectorText } from '../../kubernetes/printing/formats.ts';
import type { NetworkPolicy, PodDisruptionBudget } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import { head, labelsAndAnnotations, optionalText, plainTimeText } from './texts.ts';

interface Rule {
  readonly ports?: readonly networking.NetworkPolicyPort[];
  readonly peers: readonly networking.NetworkPolicyPeer[] | undefined;
}

/** The words of a direction. */
interface Direction {
  readonly name: 'ingress' | 'egress';
  readonly peer: 'From' | 'To';
  readonly end: 'source' | 'destination';
}

const ingress: Direction = { name: 'ingress', peer: 'From', end: 'source' };
const egress: Direction = { name: 'egress', peer: 'To', end: 'destination' };

export function describeNetworkPolicy(page: Page, object: NetworkPolicy): void {
  const { metadata, spec } = object;
  const types: readonly string[] = spec?.policyTypes ?? [];
  head(page, object);
  page.line(0, 'Created on:', plainTimeText(metadata.creationTimestamp));
  labelsAndAnnotations(page, object);
  page.line(0, 'Spec:');
  const all = '<none> (Allowing the specific traffic to all pods in this namespace)';
  page.line(1, `PodSelector:     ${selectorText(spec?.podSelector as Selector, all)}`);
  const traffic = (direction: Direction, type: string, rules: readonly Rule[]): void => {
    if (types.includes(type)) {
      page.line(1, `Allowing ${direction.name} traffic:`);
      ruleLines(page, direction, rules);
    } else page.line(1, `Not affecting ${direction.name} traffic`);
  };
  traffic(ingress, 'Ingress', spec?.ingress?.map((rule) => ({ ...rule, peers: rule.from })) ?? []);
  traffic(egress, 'Egress', spec?.egress?.map((rule) => ({ ...rule, peers: rule.to })) ?? []);
  page.line(1, `Policy Types: ${optionalText(types.join(', '), '<none>')}`);
}

function ruleLines(page: Page, { name, peer, end }: Direction, rules: readonly Rule[]): void {
  if (rules.length === 0) page.line(2, `<none> (Selected pods are isolated for ${name} connectivity)`);
  for (const [at, { ports, peers }] of rules.entries()) {
    if (at > 0) page.line(2, '----------');
    if (!ports?.length) page.line(2, 'To Port: <any> (traffic allowed to all ports)');
    for (const { port, endPort, protocol = 'TCP' } of ports ?? []) {
      const first = port ?? '<nil>';
      page.line(
        2,
        endPort === undefined ? `To Port: ${first}/${protocol}` : `To Port Range: ${first}-${endPort}/${protocol}`,
      );
    }
    if (!peers?.length) page.line(2, `${peer}: <any> (traffic not restricted by ${end})`);
    for (const { podSelector, namespaceSelector, ipBlock } of peers ?? []) {
      page.line(2, `${peer}:`);
      if (namespaceSelector !== undefined)
        page.line(3, `NamespaceSelector: ${selectorText(namespaceSelector as Selector)}`);
      if (podSelector !== undefined) page.line(3, `PodSelector: ${selectorText(podSelector as Selector)}`);
      if (namespaceSelector !== undefined || podSelector !== undefined || ipBlock === undefined) continue;
      page.line(3, 'IPBlock:');
      page.line(4, `CIDR: ${ipBlock.cidr}`);
      page.line(4, `Except: ${(ipBlock.except ?? []).join(', ')}`);
    }
  }
}

export function describeDisruptionBudget(page: Page, object: PodDisruptionBudget): void {
  const { spec, status } = object;
  head(page, object);
  if (spec?.minAvailable !== undefined) page.line(0, 'Min available:', String(spec.minAvailable));
  else if (spec?.maxUnavailable !== undefined) page.line(0, 'Max unavailable:', String(spec.maxUnavailable));
  page.line(0, 'Selector:', spec?.selector === undefined ? '<unset>' : selectorText(spec.selector as Selector));
  page.line(0, 'Status:');
  page.line(2, 'Allowed disruptions:', String(status?.disruptionsAllowed ?? 0));
  page.line(2, 'Current:', String(status?.currentHealthy ?? 0));
  page.line(2, 'Desired:', String(status?.desiredHealthy ?? 0));
  page.line(2, 'Total:', String(status?.expectedPods ?? 0));
}
