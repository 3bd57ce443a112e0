/** What a binding records of its template's dependencies, and who has to hear of a change of an object. */
import { matchesLabels } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { dependenciesAnnotation } from '../../apis/constants.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Informer } from '../../client/informer.ts';
import type { DependentObjectReference } from '../../interpreter/interpreter.ts';
import type { TemplateRef } from '../templates.ts';
import { requirersOf } from './attached-binding.ts';

type Binding = DeepReadonly<ResourceBinding>;

/** Index of independent bindings: the objects that they recorded as dependencies. */
const byDependency = 'dependencies-needed-object';
/** Index of attached bindings: the keys of their requirers. */
const byRequirer = 'dependencies-requirer';

export function addDependencyIndexes(bindings: Informer<ResourceBinding>): void {
  bindings.addIndex(byDependency, dependencyKeys);
  bindings.addIndex(byRequirer, requirersOf);
}

export function attachedBindingsOf(bindings: Informer<ResourceBinding>, requirerKey: string): readonly Binding[] {
  return bindings.byIndex(byRequirer, requirerKey);
}

/** Cost: the bindings that name the object, plus those that ask for its kind and namespace by label. */
export function bindingsNeeding(
  bindings: Informer<ResourceBinding>,
  ref: TemplateRef,
  labels: Readonly<Record<string, string>> | undefined,
): Binding[] {
  const byName = bindings.byIndex(byDependency, objectKeyOf(ref));
  const byLabel = bindings
    .byIndex(byDependency, objectKeyOf({ ...ref, name: '' }))
    .filter((binding) => recordedDependencies(binding).some((dependency) => means(dependency, ref, labels)));
  return [...new Set([...byName, ...byLabel])];
}

/** Whether a reference means an object. A selector that is not valid means nothing. */
export function means(
  dependency: DeepReadonly<DependentObjectReference>,
  ref: TemplateRef,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const { apiVersion, kind, namespace = '', name, labelSelector } = dependency;
  if (apiVersion !== ref.apiVersion || kind !== ref.kind || namespace !== ref.namespace) return false;
  if (name) return name === ref.name;
  try {
    return labelSelector !== undefined && matchesLabels(labelSelector, labels ?? {});
  } catch {
    return false;
  }
}

/** As the annotation says; nothing when there is none or it cannot be read. */
function recordedDependencies(binding: Binding): DependentObjectReference[] {
  const text = binding.metadata.annotations?.[dependenciesAnnotation];
  if (text === undefined || binding.spec.propagateDeps !== true) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as DependentObjectReference[]) : [];
  } catch {
    return [];
  }
}

function dependencyKeys(binding: Binding): string[] {
  return recordedDependencies(binding).map(({ apiVersion, kind, namespace = '', name = '' }) =>
    objectKeyOf({ apiVersion, kind, namespace, name }),
  );
}

/** An empty name stands for a selection by label. */
const objectKeyOf = (ref: TemplateRef): string => `${ref.apiVersion}|${ref.kind}|${ref.namespace}|${ref.name}`;

export const refOfObject = (object: DeepReadonly<Unstructured>, apiVersion: string, kind: string): TemplateRef => ({
  apiVersion,
  kind,
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name ?? '',
});
