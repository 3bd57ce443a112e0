/** Signs approved CertificateSigningRequests of Kubernetes' own signers with the cluster's CA. Key: the request's name. */
import { formatTime, systemClock } from '../../apimachinery/clock.ts';
import { cloneJson } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { parseCertificateRequest, signCertificateRequest } from '../../component/certificates.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { certificateSigningRequests } from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { hasCondition, isIssued, pemOf, type Request, requestInformer } from './requests.ts';
import { signers } from './signers.ts';

const minute = 60_000;
/** Clocks of two machines differ; certificates shorter than `short` begin less early. */
const backdate = 5 * minute;
const short = 8 * 60 * minute;

export function createSigningController(dependencies: ControllerDependencies): Runnable {
  const { client, logger, registry, clusterSigning, clock = systemClock } = dependencies;
  if (clusterSigning === undefined) throw new Error('the signing controller needs the key pair of an authority');
  const { cert, key, durationMs } = clusterSigning;
  const informer = requestInformer(dependencies);

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    const request = informer.get(name);
    if (request === undefined || isIssued(request)) return;
    if (!hasCondition(request, 'Approved') || hasCondition(request, 'Failed')) return;
    const check = signers[request.spec?.signerName ?? ''];
    if (check === undefined) return;
    const status = await outcome(request, check);
    try {
      await client
        .resource<CertificateSigningRequest>(certificateSigningRequests)
        .updateStatus({ ...request, status } as CertificateSigningRequest, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function outcome(request: Request, check: NonNullable<(typeof signers)[string]>) {
    const pem = pemOf(request);
    const { usages = [], expirationSeconds } = request.spec ?? {};
    const status = cloneJson<NonNullable<CertificateSigningRequest['status']>>({ ...request.status } as never);
    const now = clock.now();
    const refusal = await parseCertificateRequest(pem).then(
      (parsed) => check(parsed, usages),
      (error: Error) => `unable to parse csr: ${error.message}`,
    );
    if (refusal !== undefined) {
      status.conditions = [
        ...(status.conditions ?? []),
        {
          type: 'Failed',
          status: 'True',
          reason: 'SignerValidationFailure',
          message: refusal,
          lastUpdateTime: formatTime(now),
        },
      ];
      return status;
    }
    const asked = expirationSeconds === undefined ? durationMs : expirationSeconds * 1000;
    const duration = Math.max(Math.min(asked, durationMs), 10 * minute);
    const early = duration < short ? Math.min(backdate, duration / 10) : backdate;
    const signed = await signCertificateRequest({ cert, key }, pem, {
      usages,
      notBefore: new Date(now - early),
      notAfter: new Date(now - early + duration),
    });
    status.certificate = Buffer.from(signed).toString('base64');
    return status;
  }

  const controller = createController({
    name: 'certificatesigningrequest-signing-controller',
    reconcile,
    workers: 2,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
  });
  const enqueue = ({ metadata }: { metadata: { readonly name?: string } }): void =>
    controller.enqueue(metadata.name ?? '');
  informer.addHandler({ added: enqueue, updated: enqueue });
  return {
    name: controller.name,
    async run(signal) {
      await informer.whenSynced(signal);
      await controller.run(signal);
    },
  };
}
