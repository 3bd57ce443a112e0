/** ReplicationControllers: defaults, rules, columns. */

import { matchesLabels } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, containerImages, containerNames, labelsText, nameColumn } from '../printing/formats.ts';
import type { ReplicationController } from '../types.ts';
import { checkNonNegative, sortedMap } from '../validation.ts';
import { defaultPodTemplate } from './pod-defaults.ts';
import { checkPodSpec } from './pod-spec-validation.ts';

const { column, wide } = columnsOf<ReplicationController>();
type Typed = DeepReadonly<ReplicationController>;

export const replicationController: KindBehaviour = {
  default(object) {
    const typed = object as unknown as ReplicationController;
    typed.spec ??= {};
    const spec = typed.spec;
    spec.replicas ??= 1;
    const labels = spec.template?.metadata?.labels;
    if (labels !== undefined) {
      spec.selector ??= { ...labels };
      typed.metadata.labels ??= { ...labels };
    }
    defaultPodTemplate(spec.template);
  },
  validate(object) {
    const { spec } = object as Typed;
    const errors: FieldError[] = [
      ...checkNonNegative(spec?.replicas, 'spec.replicas'),
      ...checkNonNegative(spec?.minReadySeconds, 'spec.minReadySeconds'),
    ];
    const labels = spec?.template?.metadata?.labels;
    if (Object.keys(spec?.selector ?? {}).length === 0) errors.push(fieldError.required('spec.selector'));
    else if (spec?.template !== undefined && !matchesLabels({ matchLabels: spec.selector ?? {} }, labels ?? {})) {
      errors.push(
        fieldError.invalid(
          'spec.template.metadata.labels',
          sortedMap(labels),
          '`selector` does not match template `labels`',
        ),
      );
    }
    if (spec?.template === undefined) errors.push(fieldError.required('spec.template'));
    else {
      errors.push(...checkPodSpec(spec.template.spec, 'spec.template.spec'));
      const policy = spec.template.spec?.restartPolicy;
      if (policy !== undefined && policy !== 'Always') {
        errors.push(fieldError.notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
      }
    }
    return errors;
  },
  selectableFields: { 'status.replicas': (object) => String((object as Typed).status?.replicas ?? 0) },
  columns: [
    nameColumn,
    column('Desired', ({ spec }) => spec?.replicas ?? 0, 'integer'),
    column('Current', ({ status }) => status?.replicas ?? 0, 'integer'),
    column('Ready', ({ status }) => status?.readyReplicas ?? 0, 'integer'),
    ageColumn,
    wide('Containers', ({ spec }) => containerNames(spec?.template?.spec)),
    wide('Images', ({ spec }) => containerImages(spec?.template?.spec)),
    wide('Selector', ({ spec }) => labelsText(spec?.selector)),
  ],
};
