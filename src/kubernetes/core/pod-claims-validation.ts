/** Claims on devices: those of a pod, and those that its containers use. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { PodSpec } from '../types.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../validation.ts';

interface Claiming {
  resourceClaims?: { name?: string; resourceClaimName?: string; resourceClaimTemplateName?: string }[];
}

type ContainerClaims = DeepReadonly<{ resources?: { claims?: { name?: string; request?: string }[] } }>;

export function checkResourceClaims(spec: DeepReadonly<PodSpec>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  (spec as DeepReadonly<Claiming>).resourceClaims?.forEach((claim, i) => {
    const at = `${field}.resourceClaims[${i}]`;
    const { name = '', resourceClaimName: existing, resourceClaimTemplateName: template } = claim;
    if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    else errors.push(...checkDnsLabel(name, `${at}.name`));
    names.add(name);
    const either = '`resourceClaimName`, `resourceClaimTemplateName`';
    if (existing !== undefined && template !== undefined)
      errors.push(fieldError.invalid(at, claim, `at most one of ${either} may be specified`));
    if (existing === undefined && template === undefined)
      errors.push(fieldError.invalid(at, claim, `must specify one of: ${either}`));
    if (existing !== undefined) errors.push(...checkDnsSubdomain(existing, `${at}.resourceClaimName`));
    if (template !== undefined) errors.push(...checkDnsSubdomain(template, `${at}.resourceClaimTemplateName`));
  });
  for (const list of ['containers', 'initContainers'] as const)
    (spec[list] as readonly DeepReadonly<core.Container>[] | undefined)?.forEach((container, i) => {
      errors.push(...checkUsed(container as ContainerClaims, names, `${field}.${list}[${i}].resources.claims`));
    });
  return errors;
}

function checkUsed({ resources }: ContainerClaims, known: ReadonlySet<string>, field: string): FieldError[] {
  const seen = new Set<string>();
  return (resources?.claims ?? []).flatMap(({ name = '', request = '' }, i) => {
    const at = `${field}[${i}]`;
    const key = request === '' ? name : `${name}/${request}`;
    if (name === '') return [fieldError.required(`${at}.name`)];
    if (seen.has(key)) return [fieldError.duplicate(at, key)];
    seen.add(key);
    if (known.has(name)) return [];
    const { message, ...error } = fieldError.notFound(at, name);
    const there = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
    return [{ ...error, message: `${message}: must be one of the names in pod.spec.resourceClaims${there}` }];
  });
}
