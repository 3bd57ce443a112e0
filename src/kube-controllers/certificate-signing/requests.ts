/** What the controllers of CertificateSigningRequests have in common. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { certificateSigningRequests } from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';

export type Request = DeepReadonly<CertificateSigningRequest>;

export const requestInformer = ({ informers }: Pick<ControllerDependencies, 'informers'>) =>
  informers.informer<CertificateSigningRequest>(certificateSigningRequests);

export const hasCondition = ({ status }: Request, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;

/** PEM of what was asked for. */
export const pemOf = ({ spec }: Request): string => Buffer.from(spec?.request ?? '', 'base64').toString();

export const isIssued = ({ status }: Request): boolean => (status?.certificate ?? '') !== '';
