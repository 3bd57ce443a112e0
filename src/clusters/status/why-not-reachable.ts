/** Why a member did not answer, in a line that says what to do. Pure. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { StatusError } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';

export function whyNotReachable(error: unknown, { spec }: DeepReadonly<Cluster>): string {
  const secret =
    spec.secretRef === undefined ? 'its Secret' : `Secret ${spec.secretRef.namespace}/${spec.secretRef.name}`;
  const pull = spec.syncMode === 'Pull';
  if (error instanceof StatusError) {
    if (error.code === 401)
      return pull
        ? 'its API server refuses the credentials of the agent (401): they have expired or were revoked'
        : `its API server refuses the token in ${secret} (401): it has expired or was revoked; put a new one there`;
    if (error.code === 403)
      return `its API server does not let us read /readyz (403): give the account of the token in ${secret} its rights back`;
    return `its API server answers ${error.code}: ${error.message}`;
  }
  const text = error instanceof Error ? error.message : String(error);
  const advice = byCode(codeOf(error), secret);
  return advice === undefined ? text : `${advice} (${text})`;
}

function byCode(code: string, secret: string): string | undefined {
  if (wrongAuthority.has(code))
    return `the certificate of its API server was not signed by the authority in ${secret}: put the right one under caBundle`;
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'the certificate of its API server has expired, or the clocks of the two machines differ: renew it, or set them right';
    case 'CERT_NOT_YET_VALID':
      return 'the certificate of its API server is not valid yet: the clocks of the two machines differ; set them right';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'the certificate of its API server is for other names than that in spec.apiEndpoint';
    case 'ECONNREFUSED':
      return 'nobody listens at spec.apiEndpoint';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name in spec.apiEndpoint is not known';
    case 'ETIMEDOUT':
      return 'it does not answer: its API server hangs, or the network loses what it sends';
    default:
      return undefined;
  }
}

export const wrongAuthority: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

/** The innermost: what the system said. */
export function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const inner = cause instanceof Error ? codeOf(cause) : '';
  return inner || (typeof code === 'string' ? code : '');
}
