/** Pods: defaults, server-owned fields, rules. Columns are in pod-columns.ts. */
import { dns1123LabelErrors } from '../../apimachinery/names.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import type { Pod, PodSpec } from '../types.ts';
import { podColumns } from './pod-columns.ts';
import { defaultPodOnly, defaultPodSpec } from './pod-defaults.ts';
import { checkPodSpec } from './pod-spec-validation.ts';
import { ephemeralContainers, resize } from './pod-views.ts';
import { qosClassOf } from './qos.ts';

type Typed = DeepReadonly<Pod>;

export const pod: KindBehaviour = {
  default(object) {
    const typed = object as unknown as Pod;
    if (typed.spec === undefined) return;
    defaultPodSpec(typed.spec);
    defaultPodOnly(typed.spec);
  },
  prepareForCreate(object) {
    const typed = object as unknown as Pod;
    typed.status = { phase: 'Pending', qosClass: qosClassOf(typed.spec ?? { containers: [] }) };
    const gated = (typed.spec?.schedulingGates ?? []).length > 0;
    if (gated) {
      typed.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
        },
      ];
    }
  },
  validate(object) {
    const { metadata, spec } = object as Typed;
    const errors = checkPodSpec(spec, 'spec');
    // What is stored already has a version.
    if (metadata.resourceVersion === undefined && (spec?.ephemeralContainers ?? []).length > 0) {
      errors.push(fieldError.forbidden('spec.ephemeralContainers', 'cannot be set on create'));
    }
    return errors;
  },
  validateUpdate: (object, old) => checkPodUpdate((object as Typed).spec, (old as Typed).spec),
  warnings({ metadata }) {
    const errors = metadata.name ? dns1123LabelErrors(metadata.name) : [];
    if (errors.length === 0) return [];
    return [
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${errors.join(' ')}]`,
    ];
  },
  gracePeriodSeconds(object) {
    const { spec, status } = object as Typed;
    if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
    return spec.terminationGracePeriodSeconds ?? 30;
  },
  selectableFields: {
    'spec.nodeName': (object) => (object as Typed).spec?.nodeName ?? '',
    'spec.restartPolicy': (object) => (object as Typed).spec?.restartPolicy ?? '',
    'spec.schedulerName': (object) => (object as Typed).spec?.schedulerName ?? '',
    'spec.serviceAccountName': (object) => (object as Typed).spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (object) => String((object as Typed).spec?.hostNetwork ?? false),
    'status.phase': (object) => (object as Typed).status?.phase ?? '',
    'status.podIP': (object) => firstIp(object as Typed),
    'status.podIPs': (object) => firstIp(object as Typed),
    'status.nominatedNodeName': (object) => (object as Typed).status?.nominatedNodeName ?? '',
  },
  views: { ephemeralcontainers: ephemeralContainers, resize },
  columns: podColumns,
};

const firstIp = ({ status }: Typed): string => status?.podIPs?.[0]?.ip ?? status?.podIP ?? '';

const frozenText =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

type Spec = DeepReadonly<PodSpec> | undefined;

function checkPodUpdate(spec: Spec, old: Spec): FieldError[] {
  if (spec === undefined || old === undefined) return [];
  if (
    (spec.containers ?? []).length !== (old.containers ?? []).length ||
    (spec.initContainers ?? []).length !== (old.initContainers ?? []).length
  ) {
    return [fieldError.forbidden('spec.containers', 'pod updates may not add or remove containers')];
  }
  const errors: FieldError[] = [];
  const deadline = spec.activeDeadlineSeconds;
  const oldDeadline = old.activeDeadlineSeconds;
  if (oldDeadline !== undefined && (deadline === undefined || deadline > oldDeadline)) {
    errors.push(
      fieldError.invalid(
        'spec.activeDeadlineSeconds',
        deadline ?? null,
        deadline === undefined
          ? 'must not update from a positive integer to nil value'
          : `must be less than or equal to previous value`,
      ),
    );
  }
  if (
    !(old.tolerations ?? []).every((toleration) =>
      (spec.tolerations ?? []).some((kept) => sameToleration(kept, toleration)),
    )
  ) {
    errors.push(
      fieldError.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  }
  const before = frozenPart(old, old);
  const after = frozenPart(spec, old);
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (deepEqual(before[key], after[key])) continue;
    errors.push(fieldError.forbidden('spec', `${frozenText}\n${difference(key, before[key], after[key])}`));
    break;
  }
  return errors;
}

function sameToleration(a: object, b: object): boolean {
  return deepEqual({ ...a, tolerationSeconds: undefined }, { ...b, tolerationSeconds: undefined });
}

/** The spec without what an update may change; gated pods may also narrow where they run. */
function frozenPart(spec: NonNullable<Spec>, old: NonNullable<Spec>): Record<string, unknown> {
  const withoutImage = (container: object) => ({ ...container, image: undefined });
  const rest: Record<string, unknown> = { ...spec, containers: spec.containers.map(withoutImage) };
  if (spec.initContainers !== undefined) rest['initContainers'] = spec.initContainers.map(withoutImage);
  delete rest['activeDeadlineSeconds'];
  delete rest['tolerations'];
  const grace = old.terminationGracePeriodSeconds;
  if (grace !== undefined && grace < 0 && spec.terminationGracePeriodSeconds === 1) {
    rest['terminationGracePeriodSeconds'] = grace;
  }
  const gates = old.schedulingGates ?? [];
  if (gates.length > 0) {
    delete rest['nodeSelector'];
    delete rest['affinity'];
    if ((spec.schedulingGates ?? []).every((gate) => gates.some((known) => known.name === gate.name))) {
      delete rest['schedulingGates'];
    }
  }
  return rest;
}

const difference = (key: string, before: unknown, after: unknown): string =>
  `  core.PodSpec{\n- \t${key}: ${JSON.stringify(before) ?? 'null'},\n+ \t${key}: ${JSON.stringify(after) ?? 'null'},\n  }\n`;
