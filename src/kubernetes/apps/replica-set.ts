/** ReplicaSets: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { defaultPodTemplate } from '../core/pod-defaults.ts';
import type { KindBehaviour } from '../kind.ts';
import {
  ageColumn,
  columnsOf,
  containerImages,
  containerNames,
  nameColumn,
  selectorText,
} from '../printing/formats.ts';
import type { ReplicaSet } from '../types.ts';
import { checkNonNegative } from '../validation.ts';
import { checkLongRunningTemplate, checkSelectorAndTemplate, checkSelectorUnchanged } from './workload-validation.ts';

const { column, wide } = columnsOf<ReplicaSet>();
type Typed = DeepReadonly<ReplicaSet>;

export const replicaSet: KindBehaviour = {
  default(object) {
    const typed = object as unknown as ReplicaSet;
    typed.spec ??= {} as NonNullable<ReplicaSet['spec']>;
    const { spec } = typed;
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  validate(object) {
    const { spec } = object as Typed;
    return [
      ...checkNonNegative(spec?.replicas, 'spec.replicas'),
      ...checkNonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
      ...checkSelectorAndTemplate(spec?.selector, spec?.template, 'replicaset'),
      ...checkLongRunningTemplate(spec?.template),
    ];
  },
  validateUpdate: (object, old) =>
    checkSelectorUnchanged((object as Typed).spec?.selector, (old as Typed).spec?.selector),
  selectableFields: { 'status.replicas': (object) => String((object as Typed).status?.replicas ?? 0) },
  columns: [
    nameColumn,
    column('Desired', ({ spec }) => spec?.replicas ?? 0, 'integer'),
    column('Current', ({ status }) => status?.replicas ?? 0, 'integer'),
    column('Ready', ({ status }) => status?.readyReplicas ?? 0, 'integer'),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.template?.spec)),
    wide('Selector', ({ spec }) => selectorText(spec?.selector)),
  ],
};
