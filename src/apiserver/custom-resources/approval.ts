/** Groups below k8s.io and kubernetes.io are the community's: who defines kinds there says by an annotation who approved it. */
import type { Condition } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { ReadonlyCrd } from './crd.ts';

const annotation = 'api-approved.kubernetes.io';
const see = 'see https://github.com/kubernetes/enhancements/pull/1111';

type Approval = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The condition of a CRD in a protected group; undefined for all others. */
export function approvalCondition(crd: ReadonlyCrd): (Pick<Condition, 'type'> & Approval) | undefined {
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(crd.spec.group)) return undefined;
  return { type: 'KubernetesAPIApprovalPolicyConformant', ...approvalOf(crd.metadata.annotations?.[annotation] ?? '') };
}

export function approvalErrors(crd: ReadonlyCrd): FieldError[] {
  const { reason, message = '' } = approvalCondition(crd) ?? {};
  const at = `metadata.annotations[${annotation}]`;
  if (reason === 'MissingAnnotation') return [fieldError.required(at, message)];
  if (reason === 'InvalidAnnotation') return [fieldError.invalid(at, crd.metadata.annotations?.[annotation], message)];
  return [];
}

function approvalOf(text: string): Approval {
  const needed = `protected groups must have approval annotation "${annotation}"`;
  if (text === '') return { status: 'False', reason: 'MissingAnnotation', message: `${needed}, ${see}` };
  if (text.startsWith('unapproved'))
    return { status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(text)}` };
  if (URL.canParse(text) && new URL(text).host !== '')
    return { status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${text}` };
  return {
    status: 'False',
    reason: 'InvalidAnnotation',
    message: `${needed} with either a URL or a reason starting with "unapproved", ${see}`,
  };
}
