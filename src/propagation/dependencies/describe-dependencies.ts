/** Dependencies as upstream's Events print them: the notation of Go. */
import type { LabelSelector } from '../../apimachinery/label-selector.ts';
import type { DependentObjectReference } from '../../interpreter/interpreter.ts';

export function describeDependencies(dependencies: readonly DependentObjectReference[]): string {
  return `[${dependencies.map(describe).join(' ')}]`;
}

function describe({ apiVersion, kind, namespace = '', name = '', labelSelector }: DependentObjectReference): string {
  const selector = labelSelector === undefined ? 'nil' : describeSelector(labelSelector);
  return `{APIVersion:${apiVersion} Kind:${kind} Namespace:${namespace} Name:${name} LabelSelector:${selector}}`;
}

function describeSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}
