/** What ails an agent whose control plane it cannot use, where waiting does not mend it. Pure. */
import { StatusError } from '../../apimachinery/status-error.ts';
import { codeOf, wrongAuthority } from '../status/why-not-reachable.ts';

/** Undefined of what may pass by itself. */
export function whyRefused(error: unknown): string | undefined {
  if (error instanceof StatusError)
    return error.code === 401
      ? 'the control plane refuses the credentials of this agent (401): they have expired or were revoked; put new ones into Secret karmada-kubeconfig, or unregister and register the cluster again'
      : undefined;
  const code = codeOf(error);
  if (wrongAuthority.has(code))
    return 'the certificate of the control plane was not signed by the authority in --karmada-kubeconfig: put the right one into Secret karmada-kubeconfig, or unregister and register the cluster again';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return 'by the clock of this machine the certificate of the control plane is not valid (any more, or yet): set the clock right, or renew the certificate';
  return undefined;
}
