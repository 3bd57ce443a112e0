/**
 * Approves client certificates of a form that is known, for those who hold the right to have them approved: creating a
 * subresource of certificatesigningrequests, such as `nodeclient` (a new node) or `selfnodeclient` (a node that renews its own).
 * Key: the name.
 */
import { formatTime, systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { type CertificateRequest, parseCertificateRequest } from '../../component/certificates.ts';
import { createController, type ReconcileResult } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { certificateSigningRequests } from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { hasCondition, isIssued, pemOf, type Request, requestInformer } from './requests.ts';
import { kubeletClientSigner, signers } from './signers.ts';

export interface ApproverOptions {
  /** Upstream's name of the controller. */
  name: string;
  signerName: string;
  /** Whether the certificate has the form that this controller knows. */
  accepts(certificate: CertificateRequest, usages: readonly string[]): boolean;
  /** Rights, the first that fits and is held approves. */
  rights: readonly {
    subresource: string;
    /** Only for a request by the very user whose certificate it is. */
    self: boolean;
    message: string;
  }[];
}

const kubelets: ApproverOptions = {
  name: 'certificatesigningrequest-approving-controller',
  signerName: kubeletClientSigner,
  accepts: (certificate, usages) => signers[kubeletClientSigner]?.(certificate, usages) === undefined,
  rights: [
    {
      subresource: 'selfnodeclient',
      self: true,
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    },
    {
      subresource: 'nodeclient',
      self: false,
      message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
    },
  ],
};

/** Rights may be granted after the request was made. */
const retryMs = 60_000;

export function createApprovingController(
  dependencies: Pick<ControllerDependencies, 'client' | 'informers' | 'logger' | 'registry' | 'clock'>,
  { name: controllerName, signerName, accepts, rights }: ApproverOptions = kubelets,
): Runnable {
  const { client, logger, registry, clock = systemClock } = dependencies;
  const informer = requestInformer(dependencies);

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const request = informer.get(name);
    if (request === undefined || isIssued(request)) return undefined;
    if (hasCondition(request, 'Approved') || hasCondition(request, 'Denied')) return undefined;
    if (request.spec?.signerName !== signerName) return undefined;
    const parsed = await parseCertificateRequest(pemOf(request)).catch(() => undefined);
    if (parsed === undefined || !accepts(parsed, request.spec.usages ?? [])) return undefined;
    for (const { subresource, self, message } of rights) {
      if (self && request.spec.username !== parsed.commonName) continue;
      if (!(await mayHave(request, subresource, signal))) continue;
      await approve(request, message, signal);
      return undefined;
    }
    return { requeueAfter: retryMs };
  }

  async function mayHave({ spec }: Request, subresource: string, signal: AbortSignal): Promise<boolean> {
    const { group, version, resource } = certificateSigningRequests;
    const { status } = await client.request<{ status?: { allowed?: boolean } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      {
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: spec?.username,
            uid: spec?.uid,
            groups: spec?.groups,
            extra: spec?.extra,
            resourceAttributes: { group, version, resource, verb: 'create', subresource },
          },
        },
        signal,
      },
    );
    return status?.allowed === true;
  }

  async function approve(request: Request, message: string, signal: AbortSignal): Promise<void> {
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      message,
      lastUpdateTime: formatTime(clock.now()),
    };
    const conditions = [...(request.status?.conditions ?? []), condition];
    try {
      await client
        .resource<CertificateSigningRequest>(certificateSigningRequests)
        .update({ ...request, status: { ...request.status, conditions } }, { subresource: 'approval', signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const controller = createController({
    name: controllerName,
    reconcile,
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
