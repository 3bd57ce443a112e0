/** Flux: releases, kustomizations, and the sources they are made from. */
import type { Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem, DependentObjectReference } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  type Shared,
  textAt,
} from '../native/kind-interpreter.ts';
import {
  latest,
  mergeConditions,
  mergeStatus,
  observedByAll,
  references,
  reflectWithGeneration,
  retainSuspend,
  sums,
} from './parts.ts';

interface FluxKind {
  /** Reasons of the condition Ready that mean healthy. */
  readyReasons: readonly string[];
  /** Fields of the status of which the last one told is shown. */
  fields: readonly string[];
  /** Fields that are summed up. */
  counters?: readonly string[];
  dependencies(object: Shared): DependentObjectReference[];
}

function fluxKind({ readyReasons, fields, counters = [], dependencies }: FluxKind): KindInterpreter {
  return {
    InterpretHealth: (object) =>
      listAt(fieldsAt(object, 'status'), 'conditions').some(
        (each) =>
          each['type'] === 'Ready' && each['status'] === 'True' && readyReasons.includes(textAt(each, 'reason')),
      ),
    AggregateStatus: (object, items) => aggregate(object, items, fields, counters),
    Retain: retainSuspend,
    InterpretStatus: reflectWithGeneration('conditions', 'observedGeneration', ...fields, ...counters),
    InterpretDependency: dependencies,
  };
}

function aggregate(
  object: Shared,
  items: readonly AggregatedItem[],
  fields: readonly string[],
  counters: readonly string[],
): Unstructured {
  return mergeStatus(object, {
    conditions: mergeConditions(items),
    ...sums(items, counters),
    ...latest(items, fields),
    observedGeneration: observedByAll(object, items),
  });
}

const spec = (object: Shared, ...path: readonly string[]): Fields | undefined => fieldsAt(object, 'spec', ...path);
const secret = (reference: Fields | undefined) => ['Secret', reference?.['name']] as const;
const account = (object: Shared) => ['ServiceAccount', spec(object)?.['serviceAccountName']] as const;

const sourceFields = ['artifact', 'lastHandledReconcileAt'];

export const flux: Readonly<Record<string, KindInterpreter>> = {
  'helm.toolkit.fluxcd.io/v2beta1/HelmRelease': fluxKind({
    readyReasons: ['ReconciliationSucceeded'],
    fields: [
      'lastAttemptedRevision',
      'lastAppliedRevision',
      'lastAttemptedValuesChecksum',
      'helmChart',
      'lastReleaseRevision',
    ],
    counters: ['failures', 'upgradeFailures', 'installFailures'],
    dependencies: (object) =>
      references(object, [
        ...listAt(spec(object), 'valuesFrom').flatMap((from) =>
          from['kind'] === 'Secret' || from['kind'] === 'ConfigMap' ? [[from['kind'], from['name']] as const] : [],
        ),
        secret(spec(object, 'chart', 'spec', 'verify', 'secretRef')),
        secret(spec(object, 'kubeConfig', 'secretRef')),
        account(object),
      ]),
  }),
  'kustomize.toolkit.fluxcd.io/v1/Kustomization': fluxKind({
    readyReasons: ['ReconciliationSucceeded'],
    fields: ['lastAppliedRevision', 'lastAttemptedRevision'],
    dependencies: (object) =>
      references(object, [
        secret(spec(object, 'decryption', 'secretRef')),
        secret(spec(object, 'kubeConfig', 'secretRef')),
        account(object),
      ]),
  }),
  'source.toolkit.fluxcd.io/v1/GitRepository': fluxKind({
    readyReasons: ['Succeeded'],
    fields: [...sourceFields, 'observedIgnore', 'observedRecurseSubmodules'],
    dependencies: (object) =>
      references(object, [secret(spec(object, 'secretRef')), secret(spec(object, 'verify', 'secretRef'))]),
  }),
  'source.toolkit.fluxcd.io/v1beta2/Bucket': fluxKind({
    readyReasons: ['Succeeded'],
    fields: [...sourceFields, 'observedIgnore', 'url'],
    dependencies: (object) => references(object, [secret(spec(object, 'secretRef'))]),
  }),
  'source.toolkit.fluxcd.io/v1beta2/HelmChart': fluxKind({
    readyReasons: ['Succeeded', 'ChartPullSucceeded'],
    fields: ['artifact', 'observedChartName', 'observedSourceArtifactRevision', 'url'],
    dependencies: (object) => references(object, [secret(spec(object, 'verify', 'secretRef'))]),
  }),
  'source.toolkit.fluxcd.io/v1beta2/HelmRepository': fluxKind({
    readyReasons: ['Succeeded'],
    fields: [...sourceFields, 'url'],
    dependencies: (object) => references(object, [secret(spec(object, 'secretRef'))]),
  }),
  'source.toolkit.fluxcd.io/v1beta2/OCIRepository': fluxKind({
    readyReasons: ['Succeeded'],
    fields: [...sourceFields, 'observedIgnore', 'observedLayerSelector', 'url'],
    dependencies: (object) =>
      references(object, [
        secret(spec(object, 'secretRef')),
        secret(spec(object, 'certSecretRef')),
        secret(spec(object, 'verify', 'secretRef')),
        account(object),
      ]),
  }),
};
