/** Nodes: defaults, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { Node } from '../types.ts';
import { checkOneOf } from '../validation.ts';

const { column, wide } = columnsOf<Node>();
type Typed = DeepReadonly<Node>;

export const node: KindBehaviour = {
  default(object) {
    const { spec, status } = object as unknown as Node;
    if (spec?.podCIDR && spec.podCIDRs === undefined) spec.podCIDRs = [spec.podCIDR];
    else if (spec?.podCIDRs?.[0] && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0];
    if (status?.capacity !== undefined) status.allocatable ??= { ...status.capacity };
  },
  validate(object) {
    const errors: FieldError[] = [];
    const seen = new Set<string>();
    (object as Typed).spec?.taints?.forEach((taint, i) => {
      const at = `spec.taints[${i}]`;
      if (!taint.key) errors.push(fieldError.required(`${at}.key`));
      errors.push(...checkOneOf(taint.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], `${at}.effect`, true));
      const id = `${taint.key}:${taint.effect}`;
      if (seen.has(id)) errors.push({ ...fieldError.duplicate(at, taint) });
      seen.add(id);
    });
    return errors;
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    const before = (old as Typed).spec;
    const after = (object as Typed).spec;
    if (before?.podCIDRs !== undefined && !deepEqual(before.podCIDRs, after?.podCIDRs)) {
      errors.push(fieldError.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
    }
    if (before?.providerID && before.providerID !== after?.providerID) {
      errors.push(
        fieldError.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'),
      );
    }
    return errors;
  },
  selectableFields: { 'spec.unschedulable': (object) => String((object as Typed).spec?.unschedulable ?? false) },
  columns: [
    nameColumn,
    column('Status', statusText),
    column('Roles', ({ metadata }) => rolesText(metadata.labels ?? {})),
    ageColumn,
    column('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
    wide('Internal-IP', (object) => addressOf(object, 'InternalIP')),
    wide('External-IP', (object) => addressOf(object, 'ExternalIP')),
    wide('OS-Image', ({ status }) => status?.nodeInfo?.osImage || '<unknown>'),
    wide('Kernel-Version', ({ status }) => status?.nodeInfo?.kernelVersion || '<unknown>'),
    wide('Container-Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
  ],
};

function statusText({ spec, status }: Typed): string {
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

const rolePrefix = 'node-role.kubernetes.io/';

function rolesText(labels: { readonly [key: string]: string }): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(labels)) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value);
  }
  return roles.size > 0 ? [...roles].sort().join(',') : '<none>';
}

function addressOf({ status }: Typed, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? '<none>';
}
