/** A client certificate from the control plane, by a CertificateSigningRequest that somebody there approves. */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { randomSuffix } from '../../apimachinery/names.ts';
import { systemLabel, systemLabelValue } from '../../apis/constants.ts';
import type { Client } from '../../client/client.ts';
import { createCertificateRequest, type KeyPair } from '../../component/certificates.ts';
import { certificateSigningRequests } from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest } from '../../kubernetes/types.ts';
import { agentSigner, agentUsages } from './agent-identity.ts';

export interface CertificateOrder {
  /** The request's name is this, and five random characters. */
  namePrefix: string;
  commonName: string;
  organizations: readonly string[];
  expirationSeconds?: number | undefined;
  /** How long to wait for approval and signature, in ms. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

const pollMs = 1000;

/** The certificate with its new key, and the name of the request. Rejects when the request was denied, failed or nobody answers. */
export async function requestCertificate(
  client: Client,
  order: CertificateOrder,
): Promise<KeyPair & { requestName: string }> {
  const { clock = systemClock, signal } = order;
  const { request, key } = await createCertificateRequest(order);
  const requests = client.resource<CertificateSigningRequest>(certificateSigningRequests);
  const name = `${order.namePrefix}${randomSuffix()}`;
  await requests.create(
    {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name, labels: { [systemLabel]: systemLabelValue } },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: agentSigner,
        usages: [...agentUsages],
        ...(order.expirationSeconds === undefined ? {} : { expirationSeconds: order.expirationSeconds }),
      },
    },
    { signal },
  );
  const deadline = clock.now() + order.timeoutMs;
  for (let delay = 50; ; delay = Math.min(2 * delay, pollMs)) {
    const { status } = await requests.get({ name }, { signal });
    if (status?.certificate)
      return { cert: Buffer.from(status.certificate, 'base64').toString(), key, requestName: name };
    const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refusal !== undefined)
      throw new Error(
        `the certificate signing request ${name} was ${refusal.type.toLowerCase()}: ${refusal.message ?? ''}`,
      );
    if (clock.now() + delay > deadline)
      throw new Error(
        `timed out waiting for the certificate of certificate signing request ${name}: see 'kubectl get csr ${name}' on the control plane`,
      );
    await clock.sleep(delay, signal);
  }
}
