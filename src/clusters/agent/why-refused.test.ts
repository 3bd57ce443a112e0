import { expect, it } from 'vitest';
import { statusFailure } from '../../apimachinery/status-error.ts';
import { ConnectionError } from '../../client/connection-error.ts';
import { whyRefused } from './why-refused.ts';

const connection = (code: string) =>
  new ConnectionError('GET https://karmada/readyz: no', { cause: Object.assign(new Error('no'), { code }) });

it.each<[unknown, RegExp | undefined]>([
  [statusFailure(401, 'Unauthorized', 'Unauthorized'), /refuses the credentials of this agent \(401\)/],
  [connection('SELF_SIGNED_CERT_IN_CHAIN'), /not signed by the authority in --karmada-kubeconfig/],
  [connection('CERT_HAS_EXPIRED'), /set the clock right, or renew the certificate/],
  [connection('CERT_NOT_YET_VALID'), /set the clock right/],
  [connection('ECONNREFUSED'), undefined],
  [statusFailure(503, 'ServiceUnavailable', 'starting'), undefined],
])('an agent says of %s what to do', (error, cure) => {
  if (cure === undefined) expect(whyRefused(error)).toBeUndefined();
  else expect(whyRefused(error)).toMatch(cure);
});
