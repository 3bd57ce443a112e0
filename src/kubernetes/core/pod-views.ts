/** pods/ephemeralcontainers and pods/resize: what each takes of the Pod it is sent, and its rules. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { cloneJson, type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import type { ObjectView } from '../../apimachinery/resource-definition.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { Pod } from '../types.ts';
import { checkPodSpec } from './pod-spec-validation.ts';
import { qosClassOf } from './qos.ts';

type Typed = DeepReadonly<Pod>;
type Containers = readonly DeepReadonly<core.Container>[];

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const verbs = ['get', 'patch', 'update'] as const;

/** Debug containers are added to a running Pod; none is changed or taken away. */
export const ephemeralContainers: ObjectView = {
  verbs,
  merge(sent, old) {
    const merged = cloneJson(old) as unknown as Pod;
    const added = (sent as unknown as Pod).spec?.ephemeralContainers;
    if (merged.spec === undefined) return merged as unknown as Unstructured;
    if (added === undefined) delete merged.spec.ephemeralContainers;
    else merged.spec.ephemeralContainers = added;
    return merged as unknown as Unstructured;
  },
  validate(object, old) {
    const { metadata, spec } = object as Typed;
    const field = 'spec.ephemeralContainers';
    const errors = checkPodSpec(spec, 'spec');
    if (metadata.annotations?.[mirrorAnnotation] !== undefined) {
      errors.push(fieldError.forbidden('', 'static pods do not support ephemeral containers'));
    }
    const now = new Map((spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
    for (const before of (old as Typed).spec?.ephemeralContainers ?? []) {
      const after = now.get(before.name);
      const what = `existing ephemeral containers ${JSON.stringify(before.name)} may not be`;
      if (after === undefined) errors.push(fieldError.forbidden(field, `${what} removed\n`));
      else if (!deepEqual(after, before)) errors.push(fieldError.forbidden(field, `${what} changed\n`));
    }
    return errors;
  },
};

/** Resources of containers change while they run; the node carries it out. */
export const resize: ObjectView = {
  verbs,
  merge(sent, old) {
    const merged = cloneJson(old) as unknown as Pod;
    const { spec: wanted } = sent as unknown as Pod;
    if (merged.spec === undefined || wanted === undefined) return merged as unknown as Unstructured;
    merged.spec.containers = resized(merged.spec.containers, wanted.containers ?? []);
    if (merged.spec.initContainers !== undefined) {
      merged.spec.initContainers = resized(merged.spec.initContainers, wanted.initContainers ?? []);
    }
    return merged as unknown as Unstructured;
  },
  validate(object, old) {
    const pod = object as Typed;
    const before = old as Typed;
    if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
      return [fieldError.forbidden('', 'static pods cannot be resized')];
    }
    if (pod.spec?.os?.name === 'windows') return [fieldError.forbidden('', 'windows pods cannot be resized')];
    const errors = checkPodSpec(pod.spec, 'spec');
    if (!nodeCanResize(before)) {
      errors.push(fieldError.forbidden('spec', 'Pod running on node without support for resize'));
    }
    const qos = qosClassOf(pod.spec ?? { containers: [] });
    if (qos !== (before.status?.qosClass ?? qosClassOf(before.spec ?? { containers: [] }))) {
      errors.push(fieldError.invalid('spec', qos, 'Pod QOS Class may not change as a result of resizing'));
    }
    errors.push(...checkResized(pod.spec?.containers ?? [], before.spec?.containers ?? [], 'spec.containers', false));
    errors.push(
      ...checkResized(pod.spec?.initContainers ?? [], before.spec?.initContainers ?? [], 'spec.initContainers', true),
    );
    return errors;
  },
};

/** Resources by container name; what is not sent stays. */
function resized(containers: readonly core.Container[], wanted: readonly core.Container[]): core.Container[] {
  const byName = new Map(wanted.map((container) => [container.name, container]));
  return containers.map((container) => {
    const next = byName.get(container.name);
    if (next === undefined) return container;
    const { resources: _resources, resizePolicy: _policy, ...rest } = container;
    const result: core.Container = { ...rest, resources: next.resources ?? {} };
    if (next.resizePolicy !== undefined) result.resizePolicy = next.resizePolicy;
    return result;
  });
}

/** A kubelet that can resize says what the containers have. */
const nodeCanResize = ({ status }: Typed): boolean =>
  status?.phase !== 'Running' ||
  (status.containerStatuses ?? []).every((container) => (container as { resources?: unknown }).resources !== undefined);

function checkResized(containers: Containers, before: Containers, field: string, isInit: boolean): FieldError[] {
  const errors: FieldError[] = [];
  containers.forEach((container, i) => {
    const old = before[i];
    if (old === undefined || deepEqual(container.resources ?? {}, old.resources ?? {})) return;
    const at = `${field}[${i}].resources`;
    if (isInit && (container as { restartPolicy?: string }).restartPolicy !== 'Always') {
      errors.push(fieldError.forbidden(at, 'resources of non-sidecar init containers cannot be resized'));
      return;
    }
    for (const key of ['limits', 'requests'] as const) {
      const now = listOf(container.resources?.[key]);
      const was = listOf(old.resources?.[key]);
      if (['cpu', 'memory'].some((name) => was[name] !== undefined && now[name] === undefined)) {
        errors.push(fieldError.forbidden(`${at}.${key}`, `resource ${key} cannot be removed`));
      }
      const names = new Set([...Object.keys(now), ...Object.keys(was)]);
      if ([...names].some((name) => name !== 'cpu' && name !== 'memory' && now[name] !== was[name])) {
        errors.push(fieldError.forbidden(`${at}.${key}`, 'only cpu and memory resources are mutable'));
      }
    }
  });
  return errors;
}

const listOf = (list: unknown): { readonly [name: string]: string | undefined } =>
  (list ?? {}) as { readonly [name: string]: string | undefined };
