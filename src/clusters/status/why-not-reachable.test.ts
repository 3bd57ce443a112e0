import { describe, expect, it } from 'vitest';
import { statusFailure } from '../../apimachinery/status-error.ts';
import { ConnectionError } from '../../client/connection-error.ts';
import { whyNotReachable } from './why-not-reachable.ts';

const cluster = (syncMode: 'Push' | 'Pull') => ({
  apiVersion: 'cluster.karmada.io/v1alpha1',
  kind: 'Cluster',
  metadata: { name: 'm1' },
  spec: { syncMode, secretRef: { namespace: 'karmada-cluster', name: 'm1' } },
});
/** As a transport wraps what the system says. */
const connection = (code: string) =>
  new ConnectionError('GET https://m1/readyz: no', { cause: Object.assign(new Error('no'), { code }) });

describe('why a member is not reachable', () => {
  it.each<[unknown, RegExp]>([
    [
      statusFailure(401, 'Unauthorized', 'Unauthorized'),
      /^its API server refuses the token in Secret karmada-cluster\/m1 \(401\)/,
    ],
    [statusFailure(403, 'Forbidden', 'no'), /^its API server does not let us read \/readyz \(403\)/],
    [statusFailure(500, 'InternalError', 'boom'), /^its API server answers 500: boom$/],
    [
      connection('SELF_SIGNED_CERT_IN_CHAIN'),
      /not signed by the authority in Secret karmada-cluster\/m1: put the right one under caBundle/,
    ],
    [connection('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), /not signed by the authority/],
    [connection('CERT_HAS_EXPIRED'), /has expired, or the clocks of the two machines differ/],
    [connection('CERT_NOT_YET_VALID'), /is not valid yet: the clocks of the two machines differ/],
    [connection('ERR_TLS_CERT_ALTNAME_INVALID'), /is for other names/],
    [connection('ECONNREFUSED'), /^nobody listens at spec.apiEndpoint \(GET https:\/\/m1\/readyz: no\)$/],
    [connection('ENOTFOUND'), /the name in spec.apiEndpoint is not known/],
    [new ConnectionError('late', { code: 'ETIMEDOUT' }), /^it does not answer: its API server hangs, or .* \(late\)$/],
    [new Error('else'), /^else$/],
  ])('%s', (error, text) => {
    expect(whyNotReachable(error, cluster('Push'))).toMatch(text);
  });

  it('tells an agent of its own credentials', () => {
    const refused = statusFailure(401, 'Unauthorized', 'Unauthorized');
    expect(whyNotReachable(refused, cluster('Pull'))).toContain('the credentials of the agent');
  });
});
